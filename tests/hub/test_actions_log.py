"""Reading the log, verifying it, and help."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from hub.actions import events
from hub.errors import NotFound
from hub.models import Event, ProjectClock
from tests.cast import act, log_end, logged


# -- log.read -------------------------------------------------------------------------------------
def test_read_gives_events_after_a_cursor_oldest_first(ada):
    before = log_end(ada)
    act(ada, "task.open", title="Land")
    act(ada, "task.claim", task=1)

    answer = act(ada, "log.read", after=before)

    assert [row["name"] for row in answer] == ["task.opened", "channel.created", "task.claimed"]
    assert answer[2] == {
        "seq": before + 3,
        "at": answer[2]["at"],
        "name": "task.claimed",
        "actor": "ada",
        "subject": "task:1",
        "cause": "",
        "facts": {"fence": 1},
    }
    assert logged(ada, before + 3) == []


def test_read_keeps_to_one_subject_and_to_a_limit(ada):
    act(ada, "task.open", title="Land")
    act(ada, "task.open", title="Walk")
    act(ada, "task.claim", task=1)

    names = [row["name"] for row in act(ada, "log.read", subject="task:1")]

    assert names == ["task.opened", "task.claimed"]
    assert len(act(ada, "log.read", limit=3)) == 3


def test_read_takes_a_cursor_from_far_away(ada):
    assert act(ada, "log.read", after=10**30) == []


# -- The chain ------------------------------------------------------------------------------------
def tamper(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; SET LOCAL parley.purge = 'on'")
        cursor.execute(statement, values)
        cursor.execute("COMMIT")


@pytest.fixture
def log(ada, moon):
    """A log of eight events or more."""
    for title in ("Fuel", "Land", "Walk"):
        act(ada, "task.open", title=title)
    assert events.verify(moon.pk) is None
    return moon


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", '{"x":1}'),
        ("name", "task.done"),
        ("subject", "task:9"),
        ("cause", "message:1"),
        ("at", "2020-01-01T00:00:00Z"),
        ("hash", "0" * 64),
    ],
)
def test_a_changed_event_is_found(log, column, value):
    tamper(f"UPDATE hub_event SET {column} = %s WHERE project_id = %s AND seq = 7", value, log.pk)

    assert events.verify(log.pk) == events.BadRow(log.pk, 7, "does not match its hash")


def test_an_event_of_another_actor_is_found(log, grace):
    end = log_end(grace)
    tamper(
        "UPDATE hub_event SET actor_id = %s WHERE project_id = %s AND seq = 7",
        grace.member_id,
        log.pk,
    )

    found = events.verify(log.pk)

    assert found is not None
    assert (found.seq, end > 7) == (7, True)


def test_a_missing_event_is_found(log):
    tamper("DELETE FROM hub_event WHERE project_id = %s AND seq = 7", log.pk)

    assert events.verify(log.pk) == events.BadRow(log.pk, 7, "missing; the next one is 8")


def test_a_missing_end_is_found(log):
    end = ProjectClock.objects.get(project=log).seq
    tamper("DELETE FROM hub_event WHERE project_id = %s AND seq >= %s", log.pk, end)

    assert events.verify(log.pk) == events.BadRow(log.pk, end, f"missing; the log ends at {end}")


def test_a_whole_log_that_was_written_anew_does_not_end_at_the_clock(log):
    last = Event.objects.filter(project=log).order_by("-seq")[0]
    last.body = '{"x":1}'
    before = Event.objects.get(project=log, seq=last.seq - 1)
    forged = events.chain(before.hash, last)
    tamper("UPDATE hub_event SET body = %s, hash = %s WHERE id = %s", last.body, forged, last.pk)

    found = events.verify(log.pk)

    assert found is not None
    assert found.seq == last.seq + 1


def test_verify_log_says_that_every_log_is_whole(log):
    said = StringIO()

    call_command("verify_log", stdout=said)

    assert f"moon: {ProjectClock.objects.get(project=log).seq} events, whole" in said.getvalue()


def test_verify_log_names_the_first_bad_row(log):
    tamper("DELETE FROM hub_event WHERE project_id = %s AND seq = 7", log.pk)

    with pytest.raises(CommandError, match="moon: event 7 is missing; the next one is 8"):
        call_command("verify_log", stdout=StringIO())


# -- help.show ------------------------------------------------------------------------------------
def test_help_lists_what_one_may_type(ada, joan):
    before = log_end(ada)

    mine, hers = act(ada, "help.show"), act(joan, "help.show")

    assert "- `!drop` Give a task up for good, with the reason; what waits" in mine["text"]
    assert "!drop" not in hers["text"]
    assert "task.drop" in mine["actions"]
    assert logged(ada, before) == []


@pytest.mark.parametrize("about", ["!drop", "task.drop"])
def test_help_explains_one_command(ada, about):
    answer = act(ada, "help.show", about=about)

    assert answer["actions"] == ["task.drop"]
    assert answer["text"].startswith("**task.drop** (task, outcome, keep_dependents); `!drop`")


def test_help_about_nothing_known_is_not_found(ada):
    with pytest.raises(NotFound) as refusal:
        act(ada, "help.show", about="levitation")

    assert refusal.value.code == "action.unknown"
