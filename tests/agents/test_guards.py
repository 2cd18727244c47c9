"""Guards on rows: what pauses a session, what people are asked, and what a restart forgives."""

from datetime import timedelta

import pytest

from agents import guarding, jobs, turns
from agents.models import Session, Step, Turn, TurnState
from hub import clock, fanout, identify, registry
from hub.actions import messages
from hub.actor import Actor
from hub.errors import Forbidden
from hub.markdown import RichText
from hub.models import Channel, Decision, DecisionState, Event, Member, Message, Project, Run
from tests.cast import Clock, eve, mars

from .played import say, use
from .stage import Set

__all__ = ["eve", "mars"]

SAME = ("again", [use("log_read", after=-1)])


@pytest.fixture
def no_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "send_job", lambda *_job, **_options: None)


def brake_of(row: Session) -> Decision:
    return Decision.objects.get(kind="brake", text__contains=f"session {row.number}")


def trip_same_error(stage: Set, played) -> Session:
    played(SAME, SAME, SAME, SAME, ("done", [say("never")]))
    row = stage.start("em")
    stage.run_all()
    row.refresh_from_db()
    return row


def old_steps(row: Session, count: int, at) -> None:
    """Let a session have asked its model so often, in one turn that is done."""
    number = row.turns.count() + 1
    turn = Turn.objects.create(
        session=row, number=number, state=TurnState.DONE, started_at=at, ended_at=at
    )
    Step.objects.bulk_create(
        Step(turn=turn, number=index + 1, text="so", is_last=False, at=at) for index in range(count)
    )


# -- Same error -----------------------------------------------------------------------------------
def test_the_same_error_three_times_pauses_and_asks_once(stage: Set, played) -> None:
    row = trip_same_error(stage, played)

    card = brake_of(row)
    told = Message.objects.get(decision=card)
    assert row.paused_at is not None
    assert row.activity == "paused: the same call met the same error 3 times"
    assert row.turns.get().steps.count() == 3
    assert row.turns.get().state == TurnState.RUNNING
    assert card.choices == ["Let it go on", "End it"]
    assert "the same call met the same error 3 times" in told.text
    paused = Event.objects.get(name="session.paused")
    assert paused.facts["guard"] == "guard.same_error"


def test_a_restart_forgives_nothing(stage: Set, played) -> None:
    """Nothing is kept but rows: the lease is lost, another worker counts the same."""
    row = trip_same_error(stage, played)
    Session.objects.filter(pk=row.pk).update(paused_at=None, due_at=clock.now())
    Run.objects.update(lease_until=None)

    stage.run_all()

    row.refresh_from_db()
    assert row.paused_at is not None
    assert row.turns.get().steps.count() == 3
    assert Decision.objects.filter(kind="brake").count() == 1


def test_a_person_who_lets_it_go_on_makes_the_guards_count_anew(stage: Set, played) -> None:
    row = trip_same_error(stage, played)

    stage.act("decision.answer", decision=brake_of(row).number, answer="1")
    stage.run_all()

    row.refresh_from_db()
    assert row.paused_at is None
    assert row.forgiven_at is not None
    assert row.turns.get().state == TurnState.DONE
    assert Message.objects.filter(text="never").exists()


def test_a_person_may_end_it_instead(stage: Set, played) -> None:
    row = trip_same_error(stage, played)

    stage.act("decision.answer", decision=brake_of(row).number, answer="End it")

    row.refresh_from_db()
    assert row.state == "canceled"


def test_resuming_on_its_page_withdraws_the_card(stage: Set, played) -> None:
    row = trip_same_error(stage, played)

    stage.act("session.resume", session=row.number)

    assert brake_of(row).state == DecisionState.CANCELED


def test_an_agent_lets_no_session_go_on_that_a_guard_has_paused(stage: Set, played) -> None:
    row = trip_same_error(stage, played)
    boss = stage.start("em")
    Session.objects.filter(pk=row.pk).update(parent=boss)
    stage.run_all()
    actor = agent(boss)

    with pytest.raises(Forbidden) as refusal:
        registry.call(actor, "session.resume", {"session": row.number})

    assert refusal.value.code == "guard.people_only"


def test_what_a_person_said_of_it_is_no_leave_for_agents_either(stage: Set, played) -> None:
    row = trip_same_error(stage, played)
    boss = stage.start("em")
    Session.objects.filter(pk=row.pk).update(parent=boss)
    stage.act("decision.answer", decision=brake_of(row).number, answer="I look into it.")

    with pytest.raises(Forbidden) as refusal:
        registry.call(agent(boss), "session.resume", {"session": row.number})

    assert refusal.value.code == "guard.people_only"


def test_a_turn_that_fails_lifts_no_pause(stage: Set, played, monkeypatch) -> None:
    provider = played()
    row = stage.start("em")

    def fails(_request: object, _stop: object) -> None:
        stage.act("session.pause", session=row.number)
        raise ValueError("broken")

    monkeypatch.setattr(provider, "respond", fails)
    stage.run_all()

    row.refresh_from_db()
    assert (row.failures, row.turns.get().state) == (1, TurnState.FAILED)
    assert row.paused_at is not None


def agent(row: Session) -> Actor:
    return identify.of_member(Member.objects.get(pk=row.member_id), "test")


# -- Calls ----------------------------------------------------------------------------------------
def test_the_121st_call_of_a_session_within_an_hour_is_not_made(stage: Set, played, stopped: Clock):
    provider = played()
    row = stage.start("em")
    old_steps(row, 119, stopped.at - timedelta(minutes=30))
    stage.run_all()
    assert len(provider.requests) == 1

    stage.act("message.post", channel="project", text="And now?")
    stage.wake()
    stage.run_all()

    row.refresh_from_db()
    assert len(provider.requests) == 1
    assert row.activity == "paused: it made 120 model calls within an hour"


def test_calls_count_for_an_hour_only(stage: Set, played, stopped: Clock) -> None:
    provider = played()
    row = stage.start("em")
    old_steps(row, 120, stopped.at)
    stopped.pass_s(3_601)

    stage.run_all()

    assert len(provider.requests) == 1


def test_the_projects_own_limit_holds(stage: Set, played) -> None:
    provider = played()
    Project.objects.update(session_calls_per_hour=2)
    row = stage.start("em")
    old_steps(row, 2, clock.now())

    stage.run_all()

    assert provider.requests == []
    assert Session.objects.get(pk=row.pk).paused_at is not None


def test_an_objectives_calls_are_counted_over_all_its_sessions(stage: Set, played) -> None:
    provider = played()
    stage.act("objective.open", text="Land on the moon")
    one, two = stage.start("manager", objective=1), stage.start("manager", objective=1)
    Project.objects.update(objective_calls_per_hour=20)
    old_steps(one, 20, clock.now())

    stage.run_all()

    two.refresh_from_db()
    assert provider.requests == []
    assert two.activity == "paused: its objective took 20 model calls within an hour"
    assert brake_of(one).choices[-1] == "Pause all sessions of its objective"
    assert brake_of(two).choices[-1] == "End it"  # no other session is left to pause


# -- No progress ----------------------------------------------------------------------------------
def test_five_turns_from_which_nothing_came_pause_a_session(stage: Set, played) -> None:
    provider = played()
    row = stage.start("em")
    for _ in range(7):
        stage.run_all()
        stage.act("message.post", channel="project", text=f"@{row.member.name} well?")
        stage.wake()

    row.refresh_from_db()
    assert len(provider.requests) == 5
    assert row.activity == "paused: nothing came of its last 5 turns"


def test_words_are_progress(stage: Set, played) -> None:
    provider = played(*[("I think about it.", []) for _ in range(9)])
    row = stage.start("em")
    for _ in range(7):
        stage.run_all()
        stage.act("message.post", channel="project", text=f"@{row.member.name} well?")
        stage.wake()

    assert len(provider.requests) == 7


# -- Ping-pong ------------------------------------------------------------------------------------
def volley(stage: Set, one: Session, two: Session, count: int, text: str = "and you?") -> None:
    pair = [one, two]
    with stage.lock() as lock:
        channel = Channel.objects.get(project=stage.stage.project, kind="project")
        for number in range(count):
            speaker, other = pair[number % 2], pair[(number + 1) % 2]
            words = f"@{other.member.name} {text}"
            messages.take_in(agent(speaker).at(lock.now), channel, RichText.of(words), obey=False)


def test_twenty_messages_between_two_agents_pause_one_before_it_answers_again(
    stage: Set, played, no_jobs
) -> None:
    provider = played()
    one, two = stage.start("em"), stage.start("tester")
    stage.run_all()
    asked = len(provider.requests)
    volley(stage, one, two, 20)

    jobs.sweep()
    stage.run_all()

    activities = {row.activity for row in Session.objects.filter(pk__in=[one.pk, two.pk])}
    assert activities == {"paused: it and another agent exchanged 20 messages and did nothing else"}
    assert len(provider.requests) == asked


@pytest.mark.parametrize(("count", "text"), [(19, "and you?"), (40, "I am blocked by #4")])
def test_fewer_messages_or_status_pause_nobody(stage: Set, played, count: int, text: str) -> None:
    played()
    one, two = stage.start("em"), stage.start("tester")
    volley(stage, one, two, count, text)

    assert guarding.look(turns.load(one.pk), clock.now()) is None
    assert guarding.look(turns.load(two.pk), clock.now()) is None


def test_a_person_who_joins_the_talk_lets_it_go_on(stage: Set, played) -> None:
    played()
    one, two = stage.start("em"), stage.start("tester")
    volley(stage, one, two, 15)
    stage.act("message.post", channel="project", text="Go on, both of you.")
    volley(stage, one, two, 15)

    assert guarding.look(turns.load(one.pk), clock.now()) is None
