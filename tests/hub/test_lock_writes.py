"""Rows that wait for the end of a project's lock: written once, in order, undone with their own."""

import pytest

from hub.actions import events
from hub.actor import Actor
from hub.models import Event, Project, StoredCall
from hub.models.projects import MAX_WAITING, project_lock
from tests.cast import act, log_end, logged


def note(actor: Actor, number: int = 1) -> Event:
    return events.record(actor, "test.noted", f"test:{number}")


def note_and_fail(actor: Actor, number: int) -> None:
    with project_lock(actor.project_id) as lock:
        note(actor.at(lock.now), number)
        raise ZeroDivisionError


def test_what_waits_is_written_at_the_end_of_the_lock(ada: Actor) -> None:
    before = log_end(ada)

    with project_lock(ada.project_id) as lock:
        note(ada.at(lock.now))
        waiting = log_end(ada)

    assert (waiting, log_end(ada)) == (before, before + 1)


def test_who_reads_the_log_under_the_lock_sees_what_waits(ada: Actor) -> None:
    with project_lock(ada.project_id) as lock:
        event = note(ada.at(lock.now))

        last = events.visible(ada).order_by("-seq")[0]

    assert (last.seq, last.hash) == (event.seq, event.hash)


def test_many_rows_under_one_lock_make_a_whole_log(ada: Actor, moon: Project) -> None:
    before = log_end(ada)

    with project_lock(moon.pk) as lock:
        for number in range(MAX_WAITING * 2 + 1):
            note(ada.at(lock.now), number)

    assert log_end(ada) == before + MAX_WAITING * 2 + 1
    assert events.verify(moon.pk) is None


def test_a_failed_part_undoes_its_own_rows_only(ada: Actor, moon: Project) -> None:
    before = log_end(ada)

    with project_lock(moon.pk) as lock:
        note(ada.at(lock.now), 1)
        with pytest.raises(ZeroDivisionError):
            note_and_fail(ada, 2)
        note(ada.at(lock.now), 3)

    subjects = Event.objects.filter(project=moon, seq__gt=before).order_by("seq")
    assert list(subjects.values_list("subject", flat=True)) == ["test:1", "test:3"]
    assert events.verify(moon.pk) is None


def test_a_failed_lock_writes_nothing(ada: Actor, moon: Project) -> None:
    before = log_end(ada)

    with pytest.raises(ZeroDivisionError):
        note_and_fail(ada, 1)

    assert log_end(ada) == before
    assert events.verify(moon.pk) is None


def test_a_key_used_twice_under_one_lock_is_one_call(ada: Actor, moon: Project) -> None:
    before = log_end(ada)

    with project_lock(moon.pk):
        first = act(ada, "task.open", title="Land", key="once")
        second = act(ada, "task.open", title="Land", key="once")

    assert first == second
    assert logged(ada, before) == ["task.opened"]
    assert StoredCall.objects.filter(member_id=ada.member_id, key="once").count() == 1
