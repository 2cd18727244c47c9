"""The cost page, its file, the panels: what they say, for whom, and in how many queries."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from hub import clock
from hub.actor import Actor
from hub.models import Budget, Charge, Objective, Project, Task
from hub.parts import costs as shown
from hub.parts import live, meters
from hub.web.costs import COLUMNS, safe
from tests.cast import Clock, act, last_event, stopped
from tests.hub.browsers import browser, browser_of, hazel

from .spending import MOST, call_of, end, reserve, running, settle
from .test_actions_budgets import cap
from .test_web_pages import FRAME_QUERIES

__all__ = ["browser", "hazel", "stopped"]


@pytest.fixture
def spent(ada: Actor, mina: Actor, ivo: Actor) -> Actor:
    """Two agents that cost money, for a task and for none, and something odd of each kind."""
    act(ada, "objective.open", text="Land on the moon")
    act(ada, "task.open", title="Build a rocket", objective=1)
    task, wish = Task.objects.get().pk, Objective.objects.get().pk
    worker = running(mina)
    usage = {"input_tokens": 10_000, "cache_read_tokens": 60_000, "output_tokens": 500}
    settle(worker, call_of(1, task_id=task, objective_id=wish), usage)
    settle(worker, call_of(2, model="gigantic-9"), usage)
    settle(running(ivo), call_of(1, session=2, provider="rehearsal", model=""), usage)
    reserve(worker, call_of(3))
    end(worker, billed=True)
    reserve(worker, call_of(4))
    settle(worker, call_of(4), {"input_tokens": -1})
    return worker


def page(browser: Client, path: str = "costs/") -> str:
    answer = browser.get(f"/p/moon/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_tells_where_the_money_went(browser: Client, ada: Actor, spent: Actor) -> None:
    cap(ada, 5_000_000)

    html = page(browser)

    total = sum(row.micro_usd for row in Charge.objects.all())
    assert f"${total / 1e6:.2f} of $5.00 spent" in html
    assert f"<dd>${total / 1e6:.2f}</dd>" in html
    assert "build-a-rocket" in html
    assert "Land on the moon" in html
    assert "gigantic-9" in html
    assert "1 of the calls was a rehearsal" in html
    assert "6.0\N{MULTIPLICATION SIGN}" in html


@pytest.mark.parametrize(
    "words",
    [
        "no answer was stored, so the reservation of $0.64 was booked",
        "its usage could not be believed, so the reservation of $0.64 was booked",
        "the model gigantic-9 is not in prices.toml, so the dearest rate was taken: $0.18",
    ],
)
def test_what_is_odd_is_told(browser: Client, spent: Actor, words: str) -> None:
    assert words in page(browser)


def test_a_project_without_costs_says_what_will_be_here(browser: Client) -> None:
    html = page(browser)

    assert "No model was asked yet." in html
    assert "No budget yet" in html


def test_rehearsals_are_compared_by_their_tokens(browser: Client, mina: Actor) -> None:
    usage = {"cache_write_tokens": 12_000, "cache_read_tokens": 3_000}
    settle(running(mina), call_of(provider="rehearsal", model=""), usage)

    html = page(browser)

    assert "rehearsal: it costs nothing" in html
    assert "15.0k" in html


def test_the_page_asks_the_same_questions_however_much_there_is(
    browser: Client,
    ada: Actor,
    spent: Actor,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(4):
        act(ada, "task.open", title=f"Task {number}")
        task = Task.objects.get(title=f"Task {number}")
        cap(ada, 1_000_000, "task", str(task.number)) if number == 0 else None
        settle(spent, call_of(number + 10, task_id=task.pk))
    cap(ada, 9_000_000)

    with django_assert_max_num_queries(FRAME_QUERIES + 8):
        page(browser)


def test_eve_sees_nothing_of_it(eve: Actor, ada: Actor, spent: Actor) -> None:
    cap(ada, 5_000_000)
    hers = browser_of(eve)

    answers = [hers.get(f"/p/moon/{path}") for path in ("costs/", "costs.csv")]
    own = hers.get("/p/mars/costs/").content.decode()

    assert [answer.status_code for answer in answers] == [404, 404]
    assert "mina" not in own
    assert "No model was asked yet." in own


def test_the_ledger_is_a_file(browser: Client, spent: Actor) -> None:
    answer = browser.get("/p/moon/costs.csv")

    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert answer["Content-Disposition"] == 'attachment; filename="moon-costs.csv"'
    assert tuple(rows[0]) == COLUMNS
    assert [row["number"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert sum(int(row["micro_usd"]) for row in rows) == sum(
        row.micro_usd for row in Charge.objects.all()
    )


def test_a_long_ledger_comes_in_files(
    browser: Client, spent: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.costs.MAX_ROWS", 3)

    first = browser.get("/p/moon/costs.csv")
    rest = browser.get("/p/moon/costs.csv?after=3")

    assert first["Link"] == '<?after=3>; rel="next"'
    assert "Link" not in rest
    assert len(rest.content.decode().splitlines()) == 3


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_is_a_formula(browser: Client, mina: Actor, evil: str) -> None:
    settle(running(mina), call_of(model=evil))

    text = browser.get("/p/moon/costs.csv").content.decode()

    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert row["model"] == f"'{evil}"
    assert (safe(-5), safe("opus"), safe(None)) == (-5, "opus", "")


def test_a_person_sets_a_budget_on_the_page(browser: Client, ada: Actor) -> None:
    form = {"scope": "project", "of": "", "cap_usd": "12.50", "next": "/p/moon/costs/"}

    answer = browser.post("/p/moon/do/budget.set/", form)

    assert answer["Location"] == "/p/moon/costs/"
    assert Budget.objects.get().cap_micro_usd == 12_500_000
    assert 'value="12.5"' in page(browser)


def test_a_task_shows_what_it_cost(browser: Client, ada: Actor, spent: Actor) -> None:
    cap(ada, 1_000_000, "task", "1")

    html = page(browser, "t/1/")

    assert 'id="cost-task-1"' in html
    assert "$0.06 of $1.00 spent" in html


# -- Meters ---------------------------------------------------------------------------------------
def test_a_meter_shows_spent_reserved_and_where_it_leads(
    ada: Actor, mina: Actor, moon: Project, stopped: Clock
) -> None:
    worker = running(mina)
    cap(ada, 4_000_000)
    settle(worker, call_of(), {"output_tokens": 10_000})
    stopped.pass_s(12 * 3600)
    again = running(mina)
    reserve(again, call_of(2))

    [found] = meters.meters(moon)

    assert (found.spent, found.reserved) == (5.0, 100 * (200_000 + MOST) / 4_000_000)
    assert found.forecast == 100 * (200_000 + MOST + 400_000) / 4_000_000
    assert found.outlook == "At $0.40 a day it lasts 8 days."
    assert found.tone == ""


@pytest.mark.parametrize(
    ("tokens", "tone", "words"),
    [(42_000, "waiting", "At $20.16 a day it lasts 11 min."), (60_000, "bad", "$0.20 over")],
)
def test_a_meter_near_its_end_says_so(
    ada: Actor, mina: Actor, moon: Project, tokens: int, tone: str, words: str
) -> None:
    cap(ada, 1_000_000)
    settle(running(mina), call_of(), {"output_tokens": tokens})

    [found] = meters.meters(moon)

    assert found.tone == tone
    assert words in found.outlook


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=30), "30 h"),
        (timedelta(days=9), "9 days"),
        (timedelta(days=5_000), "years"),
    ],
)
def test_how_long_it_lasts_is_told_roughly(length: timedelta, said: str) -> None:
    assert meters.span(length) == said


def test_the_bar_moves_when_a_budget_or_its_use_changes(
    ada: Actor, mina: Actor, moon: Project
) -> None:
    cap(ada, 1_000_000)
    settle(running(mina), call_of(), {"output_tokens": 20_000})
    act(ada, "budget.raise", scope="project", cap_usd="2")

    parts = [one for one in live.parts_of(last_event(ada)) if "costs" in one.topics]

    assert len(parts) == 1
    assert 'id="meters" hx-swap-oob="true"' in parts[0].html
    assert "$0.40 of $2.00 spent" in parts[0].html


def test_empty_days_have_their_place(moon: Project) -> None:
    days = shown.days([], clock.now().date(), in_tokens=True)

    assert len(days) == 30
    assert {day.height for day in days} == {0.0}
