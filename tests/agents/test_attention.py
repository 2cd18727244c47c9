"""Attention on rows: bursts, bands, and an hour of silence that costs nothing."""

import pytest

from agents import jobs, waking
from agents.models import Session, SessionState
from hub import fanout, identify, registry
from hub.models import Member
from tests.cast import Clock

from .played import Played
from .stage import Set

BURST_S = 2


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The jobs that were sent, with the moment they are for, instead of sending them."""
    found: list[tuple] = []

    def keep(name: str, *_args: object, after_s: float = 0, **_options: object) -> None:
        found.append((name, after_s))

    monkeypatch.setattr(fanout, "send_job", keep)
    return found


def say_as(row: Session, channel: str, text: str) -> None:
    actor = identify.of_member(Member.objects.get(pk=row.member_id), "test")
    registry.call(actor, "message.post", {"channel": channel, "text": text})


def due_in(row: Session, stopped: Clock) -> float | None:
    row.refresh_from_db()
    return (row.due_at - stopped.at).total_seconds() if row.due_at else None


@pytest.fixture
def team(stage: Set, played, stopped: Clock) -> list[Session]:
    """Two agents on one task, asleep."""
    played()
    stage.act("task.open", title="Something")
    stage.act("task.claim", task=1)
    rows = [stage.start("reviewer", task=1), stage.start("tester", task=1)]
    stage.run_all()
    stage.wake()
    Session.objects.update(due_at=None)
    return rows


def test_a_burst_is_read_in_one_turn(stage: Set, played, stopped: Clock, settings, sent) -> None:
    settings.COALESCE_S = BURST_S
    provider = played()
    stage.start("em")
    stage.run_all()
    asked = len(provider.requests)
    for number in range(5):
        stage.act("message.post", channel="project", text=f"Thought {number}")
        stage.wake()
        stopped.pass_s(0.3)

    early = stage.run_all()
    stopped.pass_s(BURST_S)
    stage.run_all()

    assert early == 0
    assert len(provider.requests) == asked + 1
    assert all(f"Thought {number}" in provider.requests[-1].prompt for number in range(5))


def test_the_ring_for_a_mention_comes_when_the_burst_is_over(
    stage: Set, played, stopped: Clock, settings, sent
) -> None:
    settings.COALESCE_S = BURST_S
    played()
    row = stage.start("em")
    stage.run_all()
    sent.clear()

    stage.act("message.post", channel="project", text=f"@{row.member.name} now")
    stage.wake()

    assert sent == [("agents.jobs.run_turn", BURST_S)]
    assert due_in(row, stopped) == BURST_S


def test_the_words_of_a_mate_are_read_within_the_band(stage: Set, team, stopped: Clock) -> None:
    one, other = team
    say_as(one, "work-1-something", "I wonder about the crater.")

    stage.wake()

    assert due_in(other, stopped) == 30
    assert due_in(one, stopped) is None


def test_news_that_wakes_comes_before_the_band(stage: Set, team, stopped: Clock) -> None:
    one, other = team
    say_as(one, "work-1-something", "I wonder about the crater.")
    stage.wake()

    say_as(one, "work-1-something", f"@{other.member.name} what do you think?")
    stage.wake()

    assert due_in(other, stopped) == 0


def test_more_news_does_not_push_the_band_away(stage: Set, team, stopped: Clock) -> None:
    one, other = team
    say_as(one, "work-1-something", "I wonder about the crater.")
    stage.wake()
    stopped.pass_s(20)

    say_as(one, "work-1-something", "And about the rim.")
    stage.wake()

    assert due_in(other, stopped) == 10


def test_who_waits_for_a_person_is_not_disturbed(stage: Set, team, stopped: Clock) -> None:
    one, other = team
    Session.objects.filter(pk=other.pk).update(state=SessionState.WAITING_USER)

    say_as(one, "work-1-something", "I wonder about the crater.")
    stage.wake()

    assert due_in(other, stopped) is None


def test_thanks_and_reactions_wake_nobody(stage: Set, team, stopped: Clock) -> None:
    one, other = team
    direct = stage.act("channel.direct", member=other.member.name)["name"]
    stage.act("message.post", channel=direct, text="Psst.")
    stage.wake()
    stage.run_all()
    seq = stage.act("message.list", channel=direct)[-1]["number"]

    say_as(one, "work-1-something", f"@{other.member.name} thanks!")
    stage.act("message.react", message=seq, emoji="+1")
    stage.wake()

    assert due_in(other, stopped) is None


# -- Silence --------------------------------------------------------------------------------------
@pytest.fixture
def ten(stage: Set, played, stopped: Clock, sent) -> Played:
    """Ten agents, an engineering manager and nine on tasks, that have read everything."""
    provider = played()
    stage.start("em")
    for number in range(1, 10):
        stage.act("task.open", title=f"Part {number}")
        stage.start("tester", task=number)
    stage.run_all()
    for _ in range(20):  # what they said when they joined is read within the longest band
        stopped.pass_s(60)
        sweep(stage)
    provider.requests.clear()
    return provider


def sweep(stage: Set) -> None:
    jobs.sweep()
    stage.run_all()


def test_an_hour_of_silence_with_ten_agents_calls_no_model(stage: Set, ten, stopped: Clock) -> None:
    for _ in range(60):
        stopped.pass_s(60)
        sweep(stage)

    assert Session.objects.live().count() == 10
    assert ten.requests == []


def test_one_unread_message_in_an_hour_takes_exactly_one_turn(
    stage: Set, ten, stopped: Clock
) -> None:
    agent = Session.objects.live().order_by("number").last()
    stage.act("message.post", channel="lobby", text=f"@{agent.member.name} are you there?")

    for _ in range(60):
        stopped.pass_s(60)
        sweep(stage)

    assert [request.agent for request in ten.requests] == [agent.member.name]


def test_a_lost_ring_costs_no_more_than_a_sweep(stage: Set, team, stopped: Clock, sent) -> None:
    one, other = team
    say_as(one, "work-1-something", "I wonder about the crater.")

    jobs.sweep()

    assert waking.behind() == []
    assert due_in(other, stopped) == 30


def test_what_happened_during_a_turn_that_is_taken_again_is_read_after_it(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played()
    row = stage.start("em")
    real = provider.respond

    def dies(request, stop):
        stage.act("message.post", channel="project", text="Make it blue.")
        waking.make_due(row.project_id, coalesce_s=0)
        raise KeyboardInterrupt

    monkeypatch.setattr(provider, "respond", dies)
    with pytest.raises(KeyboardInterrupt):
        stage.run_all()
    monkeypatch.setattr(provider, "respond", real)

    stage.run_all()

    assert "Make it blue." not in str(provider.requests[0].news)
    assert "Make it blue." in str(provider.requests[-1].news)
    row.refresh_from_db()
    assert row.due_at is None
