"""What needs a person: its order, what it holds, and how an answer is told."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from hub.actions import decisions
from hub.actor import Actor
from hub.markdown import RichText
from hub.models import Decision, DecisionKind, Event, Project
from hub.models.projects import project_lock
from hub.parts import asking, live
from hub.templatetags import parley
from tests.cast import act
from tests.hub.browsers import browser

__all__ = ["browser"]


@pytest.fixture
def asked(ada: Actor, mina: Actor) -> None:
    """Question 1 holds nothing, 2 and 4 hold a task that two others wait for, 3 holds one task."""
    act(ada, "task.open", title="Build a rocket")
    act(ada, "task.open", title="Fly it", waits_for=[1])
    act(ada, "task.open", title="Come home", waits_for=[2])
    act(ada, "task.open", title="Write it down")
    for text, task in (("Lunch?", None), ("Fuel?", 1), ("Pencil?", 4), ("Fins?", 1)):
        act(mina, "decision.ask", text=text, choices=["Yes", "No"], task=task)


def test_what_holds_most_comes_first_then_the_oldest(moon: Project, asked: None) -> None:
    rows = asking.waiting(moon)

    assert [row.number for row in rows] == [2, 4, 3, 1]
    assert [getattr(row, "waits", None) for row in rows] == [2, 2, 0, None]


def test_the_cards_of_one_task_stand_together(moon: Project, asked: None) -> None:
    groups = asking.together(asking.waiting(moon))

    found = [(one.key, [row.number for row in one.rows]) for one in groups]
    assert found == [("task-1", [2, 4]), ("task-4", [3]), ("alone-1", [1])]


def test_a_card_says_what_it_holds(browser: Client, asked: None) -> None:
    page = browser.get("/p/moon/needs-you/").content.decode()

    assert "holds #1 build-a-rocket</a><span>and 2 that wait for it</span>" in page
    assert "2 decisions about" in page
    assert "next: mina asks Fuel?" in page
    assert "holds 3 tasks" in page


def test_one_kind_can_be_looked_at_alone(
    browser: Client, ada: Actor, hub: Actor, moon: Project, asked: None
) -> None:
    with project_lock(moon.pk) as lock:
        text = RichText.of("80 % is spent.")
        decisions.open_card(hub.at(lock.now), DecisionKind.BUDGET, text, [("Go on", None)])

    page = browser.get("/p/moon/needs-you/?kind=budget").content.decode()

    assert "80 % is spent." in page.split('id="asked-budget"')[1]
    assert "Fuel?" not in page.split('id="asked-budget"')[1]
    assert "<title>(5) Needs you" in page
    assert 'href="?kind=question">Questions <span class="quiet">4</span>' in page


def test_an_unknown_kind_is_everything(browser: Client, asked: None) -> None:
    page = browser.get("/p/moon/needs-you/?kind=weather").content.decode()

    assert 'id="asked"' in page
    assert page.count('class="card open"') == 4


def test_an_answer_tells_which_choice_by_whom_and_when(
    browser: Client, ada: Actor, asked: None
) -> None:
    browser.post("/p/moon/do/decision.answer/", {"decision": "1", "answer": "2"})
    row = Decision.objects.get(number=1)

    page = browser.get("/p/moon/needs-you/").content.decode()

    assert f'data-author="{ada.member_id}"' in page
    assert "chose <strong>2, No</strong> via this site, applied" in page
    assert parley.when(row.answered_at, "second") in page


def test_nothing_that_waits_is_said_in_a_sentence(browser: Client, ada: Actor) -> None:
    page = browser.get("/p/moon/needs-you/").content.decode()

    assert "Nothing waits for you. When an agent needs a decision" in page
    assert "icon.svg" in page.split('id="favicon"')[1][:60]


def test_a_new_card_joins_the_open_ones_of_its_task(
    moon: Project, mina: Actor, asked: None
) -> None:
    act(mina, "decision.ask", text="Chairs?", task=1)
    act(mina, "decision.ask", text="Soup?")
    rows = Event.objects.filter(project=moon, name="decision.asked").order_by("-seq")[:2]
    alone, joined = rows.select_related("project", "actor", "channel")

    found = [
        next(part.html for part in live.parts_of(event) if "decisions" in part.topics)
        for event in (alone, joined)
    ]

    assert 'beforeend:#asked"' in found[0]
    assert 'id="asked-alone-6"' in found[0]
    assert 'beforeend:#asked-task-1"' in found[1]
    assert 'id="asked-task-1"' not in found[1]


@pytest.mark.parametrize(
    ("seconds", "words"), [(70, "in 70 s"), (600, "in 10 min"), (-60, "1 min ago")]
)
def test_the_last_two_minutes_are_counted_in_seconds(seconds: int, words: str) -> None:
    now = datetime.now(UTC)

    assert parley.ago(now + timedelta(seconds=seconds), now, "left") == words
