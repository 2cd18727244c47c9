"""The agents' pages: a session's transcript, and a change with notes and a verdict."""

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from agents.models import Entry, Note, Review, Session
from hub import registry
from hub.actor import Actor
from hub.models import Task, User

from .offering import change, offered
from .stage import Set

HTMX = {"HX-Request": "true"}
SESSION_QUERIES = 20
PULL_QUERIES = 17


@pytest.fixture
def browser(stage: Set) -> Client:
    """Pat's browser."""
    client = Client()
    client.force_login(User.objects.get(pk=stage.person.user_id))
    return client


@pytest.fixture
def pull(stage: Set, writer: Actor) -> int:
    """A change that is open for review."""
    change(writer)
    return offered(stage, writer).number


def page(client: Client, path: str) -> str:
    answer = client.get(f"/p/word-count/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_session_shows_its_turns(stage: Set, browser: Client, writer: Actor) -> None:
    answer = {"text": "I read <b>first</b>.", "calls": [], "is_last": True, "state": {}}
    registry.call(writer, "turn.read", {"prompt": "You are Ivo.", "news": [], "upto": 0})
    registry.call(writer, "turn.answer", answer)

    shown = page(browser, "s/1/")

    assert 'id="turn-1"' in shown
    assert "I read &lt;b&gt;first&lt;/b&gt;." in shown
    assert "You are Ivo." in shown
    assert "rehearsal" in shown


def test_a_session_that_has_not_begun_says_so(stage: Set, browser: Client) -> None:
    stage.start("em")

    assert "It has not begun." in page(browser, "s/1/")


def test_a_session_is_paused_resumed_and_ended_on_its_page(stage: Set, browser: Client) -> None:
    session = stage.start("em")
    states = []

    for action in ("pause", "resume", "cancel"):
        sent = {"session": "1", "next": "/p/word-count/s/1/"}
        answer = browser.post(f"/p/word-count/do/session.{action}/", sent)
        session.refresh_from_db()
        states.append((answer.status_code, session.paused_at is not None, session.state))

    assert states == [(303, True, "queued"), (303, False, "queued"), (303, False, "canceled")]
    assert "End it" not in page(browser, "s/1/")


def test_a_long_transcript_comes_in_pieces(
    stage: Set, browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    session = stage.start("em")
    Entry.objects.bulk_create(
        Entry(session=session, seq=n, kind="said", text=f"line {n}.", at=session.created_at)
        for n in range(1, 202)
    )

    with django_assert_max_num_queries(SESSION_QUERIES):
        shown = page(browser, "s/1/")

    assert "line 201." in shown
    assert "line 51." not in shown
    assert 'href="?before=52"' in shown
    assert "line 51." in page(browser, "s/1/?before=52")


def test_another_projects_session_does_not_exist(stage: Set) -> None:
    stage.start("em")
    client = Client()
    client.force_login(User.objects.create_user("eve"))

    assert client.get("/p/word-count/s/1/").status_code == 404
    assert client.get("/p/word-count/pull/1/").status_code == 404


def test_the_team_says_what_each_agent_does(stage: Set, browser: Client, writer: Actor) -> None:
    name = Session.objects.get().member.name

    shown = page(browser, "team/")

    assert name in shown
    assert "#1 reading" in shown


def test_a_task_shows_its_sessions_and_its_change(browser: Client, pull: int) -> None:
    shown = page(browser, "t/1/")

    assert f'href="/p/word-count/pull/{pull}/"' in shown
    assert 'href="/p/word-count/s/1/"' in shown


def test_a_change_is_shown_line_by_line(
    browser: Client, pull: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(PULL_QUERIES):
        shown = page(browser, f"pull/{pull}/")

    assert "wordcount/counting.py" in shown
    assert '<tr class="removed">' in shown
    assert '<tr class="added">' in shown
    assert '<span class="plus">+1</span>' in shown
    assert 'data-note="0n' in shown


def test_a_change_is_shown_side_by_side(browser: Client, pull: int) -> None:
    shown = page(browser, f"pull/{pull}/?view=split")

    assert '<table class="side-by-side">' in shown
    assert 'class="code old removed"' in shown
    assert 'class="code new added"' in shown


def test_a_note_can_be_written_without_scripts(browser: Client, pull: int) -> None:
    line = _changed_line(browser, pull)

    shown = page(browser, f"pull/{pull}/?note=0n{line}")

    assert f'id="note-0n{line}"' in shown
    assert 'form="verdict" name="notes.0.text"' in shown
    assert 'name="notes.0.path" value="wordcount/counting.py"' in shown


def _changed_line(browser: Client, pull: int) -> int:
    shown = page(browser, f"pull/{pull}/")
    added = shown.split('<tr class="added">', 1)[1]
    return int(added.split('data-number="', 1)[1].split('"', 1)[0])


def verdict(pull: int, **fields: str) -> dict[str, str]:
    return {"pull": str(pull), "next": f"/p/word-count/pull/{pull}/", **fields}


def test_a_verdict_takes_its_notes_along(browser: Client, pull: int) -> None:
    line = str(_changed_line(browser, pull))
    sent = verdict(
        pull,
        verdict="changes",
        text="Nearly.",
        **{
            "notes.1.path": "wordcount/counting.py",
            "notes.1.line": line,
            "notes.1.is_old": "false",
            "notes.1.text": "Say <why>.",
        },
    )

    answer = browser.post("/p/word-count/do/pull.review/", sent)
    shown = page(browser, f"pull/{pull}/")

    assert answer.status_code == 303
    assert Note.objects.get().line == int(line)
    assert "Say &lt;why&gt;." in shown
    assert "changes requested" in shown


def test_a_verdict_on_a_moved_change_is_refused_and_kept(browser: Client, pull: int) -> None:
    sent = verdict(pull, verdict="approve", text="Fine by me.", tree="0" * 40)

    answer = browser.post("/p/word-count/do/pull.review/", sent)

    assert answer.status_code == 409
    assert "Fine by me." in answer.content.decode()
    assert not Review.objects.exists()


def test_an_approved_change_offers_the_merge(browser: Client, pull: int) -> None:
    browser.post("/p/word-count/do/pull.review/", verdict(pull, verdict="approve"))

    assert 'action="/p/word-count/do/pull.merge/"' in page(browser, f"pull/{pull}/")


def test_an_unapproved_change_says_what_is_missing(browser: Client, pull: int) -> None:
    shown = page(browser, f"pull/{pull}/")

    assert 'action="/p/word-count/do/pull.merge/"' not in shown
    assert '<p class="why">' in shown


def test_a_change_that_is_being_prepared_says_so(
    stage: Set, writer: Actor, browser: Client
) -> None:
    change(writer)
    registry.call(writer, "pull.open", {"task": 1, "title": "Repair the words"})

    assert "The change is being prepared" in page(browser, "pull/1/")


def test_the_log_tells_of_sessions_and_changes(browser: Client, pull: int) -> None:
    shown = page(browser, "log/")

    assert 'href="/p/word-count/s/1/">session 1</a>' in shown
    assert f'href="/p/word-count/pull/{pull}/">pull request {pull}</a>' in shown
    assert Task.objects.count() == 1
