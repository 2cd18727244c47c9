"""The hand-off page, the links to it, and the buttons of a shift change."""

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from agents.models import Handoff, Session
from hub.models import Event, Project, User
from hub.parts import live

from .played import use
from .shifting import fill, hand_over, heir, working
from .stage import Set

QUERIES = 11


@pytest.fixture
def browser(stage: Set) -> Client:
    """Pat's browser."""
    client = Client()
    client.force_login(User.objects.get(pk=stage.person.user_id))
    return client


@pytest.fixture
def row(stage: Set, played) -> Session:
    """A manager that has handed over, in its own words."""
    provider = played(("", [use("task_claim", task=1)]))
    found = working(stage, "manager")
    provider.answers = [
        ("", [hand_over(decisions=["<script>alert(1)</script>"])]),
        ("I go on with the lines.", []),
    ]
    stage.act("session.shift_change", session=found.number, reason="It is late.")
    stage.run_all()
    return found


def page(client: Client, path: str) -> str:
    answer = client.get(f"/p/word-count/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_facts_words_and_the_acknowledgement(browser: Client, row: Session) -> None:
    shown = page(browser, "handoffs/1/")

    facts, _, rest = shown.partition('id="words-title"')
    words, _, taken = rest.partition('id="taken-title"')
    assert "#1 repair" in facts
    assert "It is late." in facts
    assert "Make tests.lines pass." in words
    assert "&lt;script&gt;alert(1)" in words
    assert f"{heir(row).member.name} took over" in taken
    assert "I go on with the lines." in taken


def test_a_composed_one_says_so(stage: Set, played, browser: Client) -> None:
    played()
    row = working(stage)
    fill(row, 95)
    stage.run_all()

    shown = page(browser, "handoffs/1/")

    assert "Composed by Parley" in shown
    assert f"{row.member.name} did not write it" in shown


def test_one_that_is_being_written_says_so(stage: Set, played, browser: Client) -> None:
    played()
    row = working(stage)
    stage.act("session.shift_change", session=row.number)

    shown = page(browser, "handoffs/1/")

    assert f"{row.member.name} is asked to write it" in shown
    assert "being written" in shown


def test_sessions_link_to_it_at_both_ends(browser: Client, row: Session) -> None:
    new = heir(row)

    assert 'href="/p/word-count/handoffs/1/"' in page(browser, f"s/{row.number}/")
    assert 'href="/p/word-count/handoffs/1/"' in page(browser, f"s/{new.number}/")


def test_the_button_asks_for_a_shift_change(stage: Set, played, browser: Client) -> None:
    played()
    row = working(stage)
    assert "/do/session.shift_change/" in page(browser, f"s/{row.number}/")

    sent = {"session": str(row.number), "next": f"/p/word-count/s/{row.number}/"}
    answer = browser.post("/p/word-count/do/session.shift_change/", sent)

    assert answer.status_code == 303
    assert Handoff.objects.get().predecessor == row


def test_eve_and_strangers_see_nothing(stage: Set, browser: Client, row: Session) -> None:
    User.objects.create_user("eve", display_name="Eve")
    client = Client()
    client.force_login(User.objects.get(username="eve"))

    assert client.get("/p/word-count/handoffs/1/").status_code == 404
    assert Client().get("/p/word-count/handoffs/1/").status_code == 302
    assert browser.get("/p/word-count/handoffs/9/").status_code == 404


def test_it_asks_few_queries(
    browser: Client, row: Session, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    page(browser, "handoffs/1/")

    with django_assert_max_num_queries(QUERIES):
        page(browser, "handoffs/1/")


def test_each_step_changes_the_open_page(stage: Set, row: Session) -> None:
    project = Project.objects.get(pk=stage.stage.project.pk)
    events = Event.objects.filter(project=project, name__startswith="handoff.").order_by("seq")
    related = events.select_related("project", "actor", "channel")

    parts = [part for event in related for part in live.parts_of(event)]

    mine = [part for part in parts if "handoff:1" in part.topics]
    assert [event.name for event in related] == [
        "handoff.asked",
        "handoff.written",
        "handoff.acknowledged",
    ]
    assert len(mine) == 3
    assert all('id="handoff-1"' in part.html for part in mine)


def test_the_log_tells_it_in_words(browser: Client, row: Session) -> None:
    shown = page(browser, "log/")

    assert "hand-off 1" in shown
    assert f"relieved {row.member.name} in" in shown
