"""Hand-offs: authored words reach whoever started a session, with notes and the change."""

import pytest

from agents import reports
from agents.models import Session
from agents.turns import load
from hub import clock, registry
from hub.errors import NotFound
from hub.models import Event

from .offering import change
from .stage import Set


@pytest.fixture
def pair(stage: Set) -> tuple[Session, Session]:
    """A manager and the tester it started."""
    manager, tester = stage.start("manager"), stage.start("tester")
    Session.objects.filter(pk=tester.pk).update(parent=manager)
    return manager, tester


def actor_of(stage: Set, row: Session):
    Session.objects.exclude(pk=row.pk).update(due_at=None)
    Session.objects.filter(pk=row.pk).update(due_at=clock.now())
    return stage.lease().actor()


def told(stage: Set, manager: Session) -> str:
    """What the manager's next turn reads of an end."""
    news = registry.call(actor_of(stage, manager), "turn.news", {})
    (item,) = [one for one in news["items"] if one["name"] in reports.ENDINGS]
    return str(item["text"])


def test_ten_thousand_characters_are_kept_as_six_and_the_manager_reads_them(stage: Set, pair):
    manager, tester = pair
    registry.call(actor_of(stage, tester), "session.finish", {"summary": "w" * 10_000})

    row = Session.objects.get(pk=tester.pk)
    assert len(row.summary) == 6_000
    assert row.summary in told(stage, manager)


def test_the_summary_beats_the_last_words_and_those_the_activity(stage: Set, pair):
    manager, tester = pair
    actor = actor_of(stage, tester)
    registry.call(actor, "turn.begin", {})
    said = {"text": "I looked everywhere.", "calls": [], "is_last": True, "state": {}}
    registry.call(actor, "turn.answer", said)
    registry.call(actor, "session.finish", {"summary": "All is well."})

    text = told(stage, manager)

    assert "All is well." in text
    assert "I looked everywhere." not in text


def test_without_a_summary_the_last_words_are_told(stage: Set, pair):
    manager, tester = pair
    actor = actor_of(stage, tester)
    registry.call(actor, "turn.begin", {})
    said = {"text": "I looked everywhere.", "calls": [], "is_last": True, "state": {}}
    registry.call(actor, "turn.answer", said)
    stage.act("session.cancel", session=tester.number)

    assert "Its last words: I looked everywhere." in told(stage, manager)


def test_without_any_words_the_activity_is_told(stage: Set, pair):
    manager, tester = pair
    Session.objects.filter(pk=tester.pk).update(activity="run_command")
    stage.act("session.cancel", session=tester.number)

    assert "What it did last: run_command" in told(stage, manager)


def test_only_who_started_it_is_told_all_of_it(stage: Set, pair):
    tester = pair[1]
    other = stage.start("manager")
    registry.call(actor_of(stage, tester), "session.finish", {"summary": "For my manager."})

    news = registry.call(actor_of(stage, other), "turn.news", {})

    assert "For my manager." not in str(news)


def test_notes_that_a_hand_off_cites_come_with_it(stage: Set, pair):
    manager, tester = pair
    actor = actor_of(stage, tester)
    registry.call(actor, "note.create", {"title": "Slow", "text": "Big files take a minute."})
    registry.call(actor, "session.finish", {"summary": "Works.", "notes": [1]})

    assert "note 1, Slow: Big files take a minute." in told(stage, manager)


def test_a_note_that_is_not_there_is_not_cited(stage: Set, pair):
    actor = actor_of(stage, pair[1])

    with pytest.raises(NotFound):
        registry.call(actor, "session.finish", {"summary": "Works.", "notes": [7]})

    assert Session.objects.get(pk=pair[1].pk).ended_at is None


def test_a_secret_in_a_hand_off_is_masked(stage: Set, pair):
    manager, tester = pair
    secret = "ghp_" + "a1B2" * 9
    registry.call(actor_of(stage, tester), "session.finish", {"summary": f"Use {secret}"})

    assert secret not in told(stage, manager)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_change_is_shown_sizes_first_if_its_author_wants_it(stage: Set, writer, wanted: bool):
    change(writer)
    writing = Session.objects.get(run_id=writer.run_id)
    manager = stage.start("manager")
    Session.objects.filter(pk=writing.pk).update(parent=manager)
    registry.call(writer, "session.finish", {"summary": "Widened.", "include_diff": wanted})
    news = registry.call(actor_of(stage, manager), "turn.news", {})

    shown = reports.with_changes(load(manager.pk), news)

    (text,) = [one["text"] for one in shown["items"] if one["name"] == "session.succeeded"]
    assert ("1 files changed\nwordcount/counting.py | +1 -1" in text) is wanted
    assert ("+WORD = re.compile" in text) is wanted


def test_a_change_whose_branch_is_gone_says_so(stage: Set, writer, monkeypatch):
    monkeypatch.setattr(reports.repository, "branch_tip", lambda *_: None)
    writing = Session.objects.get(run_id=writer.run_id)
    manager = stage.start("manager")
    Session.objects.filter(pk=writing.pk).update(parent=manager)
    registry.call(writer, "session.finish", {"summary": "Widened.", "include_diff": True})
    news = registry.call(actor_of(stage, manager), "turn.news", {})

    assert "Its branch is gone." in str(reports.with_changes(load(manager.pk), news))


def test_the_end_is_one_event(stage: Set, pair):
    registry.call(actor_of(stage, pair[1]), "session.finish", {"summary": "Works."})

    assert Event.objects.filter(name="session.succeeded").count() == 1
