"""States under pressure: every pair of states, every order of ends, every job twice."""

from itertools import product

import pytest
from django.db.models import QuerySet
from hypothesis import HealthCheck, given, settings, strategies
from pytest_django.fixtures import Settings

from agents import jobs, leases, merging
from agents.models import SESSION_STATES, PullRequest, Session, SessionState, Target, ToolCall, Turn
from hub import fanout, registry
from hub import jobs as hub_jobs
from hub.actions import events
from hub.errors import Conflict, HubError
from hub.models import Event, Message, Run
from tests.threads import together

from .played import say, use
from .stage import Set

ENDINGS = ("session.succeeded", "session.failed", "session.canceled")
PAIRS = list(product(SessionState, repeat=2))


@pytest.mark.parametrize(("source", "wanted"), PAIRS)
def test_only_declared_moves_are_committed(
    stage: Set, source: SessionState, wanted: SessionState
) -> None:
    row = stage.start("tester")
    Session.objects.filter(pk=row.pk).update(state=source)
    row.state = wanted  # what the caller believes does not count

    moved = wanted in SESSION_STATES.edges[source]
    if moved:
        SESSION_STATES.move(row, wanted)
    else:
        with pytest.raises(Conflict) as refusal:
            SESSION_STATES.move(row, wanted)
        assert refusal.value.code == f"session.{source.value}"

    assert Session.objects.get(pk=row.pk).state == (wanted if moved else source)


def test_there_are_sixty_four_pairs_and_terminal_states_lead_nowhere() -> None:
    assert len(PAIRS) == 64
    assert {pair for pair in PAIRS if pair[0] in SESSION_STATES.final} & {
        (source, wanted) for source, targets in SESSION_STATES.edges.items() for wanted in targets
    } == set()


STEPS = ("begin", "wait", "end", "fail", "finish", "give up", "cancel", "pause", "resume")


def turns_of(lease: leases.Lease) -> QuerySet[Turn]:
    return Turn.objects.filter(session=lease.session_id, state="running")


def take(stage: Set, lease: leases.Lease, number: int, step: str) -> None:
    """Do one step as whoever does it; a refusal is an answer, anything else is a mistake."""
    worker = {
        "begin": ("turn.begin", {}),
        "wait": ("turn.wait", {"reason": "no room"}),
        "end": ("turn.end", {}),
        "fail": ("turn.end", {"error": "no"}),
        "finish": ("session.finish", {"summary": "done"}),
        "give up": ("session.finish", {"summary": "no", "state": "failed"}),
    }
    try:
        if step in worker:
            if step in {"end", "fail"} and not turns_of(lease).exists():
                return
            registry.call(lease.actor(), *worker[step])
        else:
            stage.act(f"session.{step}", session=number)
    except HubError:
        pass


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=strategies.lists(strategies.sampled_from(STEPS), min_size=3, max_size=8))
def test_in_any_order_a_session_ends_once_and_stays_ended(stage: Set, order: list[str]) -> None:
    row = stage.start("tester")
    lease = leases.claim("local")
    assert lease is not None
    ended = ""

    for step in order:
        take(stage, lease, row.number, step)
        row.refresh_from_db()
        assert ended in {"", row.state}
        ended = row.state if row.state in SESSION_STATES.final else ""

    rows = Event.objects.filter(name__in=ENDINGS, subject=f"session:{row.number}")
    assert rows.count() == bool(ended)
    Session.objects.filter(pk=row.pk).update(due_at=None)
    Run.objects.filter(pk=row.run_id).update(lease_until=None)


@pytest.mark.services
def test_ends_that_come_at_once_leave_one_end_and_one_event(stage: Set) -> None:
    row = stage.start("tester")
    lease = stage.lease()
    registry.call(lease.actor(), "turn.begin", {})
    steps = ["cancel", "finish", "give up", "end", "cancel", "finish", "resume", "pause"]

    answers = together(8, lambda index: take(stage, lease, row.number, steps[index]))

    assert not any(isinstance(answer, Exception) for answer in answers)
    row.refresh_from_db()
    assert row.state in SESSION_STATES.final
    assert Event.objects.filter(name__in=ENDINGS).count() == 1
    assert events.verify(stage.stage.project.pk) is None


def test_every_job_delivered_five_times_at_once_acts_once(stage: Set, played) -> None:
    played(("", [say("only once")]))
    row = stage.start("em")

    answers = together(5, lambda _: jobs.run_turn())

    assert not any(isinstance(answer, Exception) for answer in answers)
    assert Message.objects.filter(author=row.member, text="only once").count() == 1
    assert Turn.objects.filter(session=row).count() == 1


def test_a_merge_job_delivered_five_times_at_once_merges_once(
    stage: Set, approved: PullRequest
) -> None:
    answers = together(5, lambda _: merging.work_on(approved.pk))

    assert not any(isinstance(answer, Exception) for answer in answers)
    assert Event.objects.filter(name="pull.merged").count() == 1


def test_all_jobs_delivered_twice_change_nothing_more(stage: Set, played) -> None:
    played()
    stage.start("em")
    everything = (jobs.run_turn, jobs.look_after, jobs.end_programs, jobs.sweep, hub_jobs.sweep)
    for job in everything:
        job()
    before = (Event.objects.count(), Message.objects.count(), ToolCall.objects.count())

    for job in everything * 2:
        job()

    assert (Event.objects.count(), Message.objects.count(), ToolCall.objects.count()) == before


# -- Managers -------------------------------------------------------------------------------------
def test_forty_idle_managers_hold_no_slot(
    stage: Set, played, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SESSION_SLOTS = 2
    played()
    for _ in range(40):
        stage.start("manager")
    stage.run_all()
    Target.objects.update(slots=2)
    rung: list[str] = []
    monkeypatch.setattr(fanout, "send_job", lambda name, *_, **__: rung.append(name))
    assert (Session.objects.live().count(), leases.running("local")) == (40, 0)

    workers = [stage.start("tester").pk for _ in range(2)]
    jobs.ring()

    assert rung == ["agents.jobs.run_turn"] * 2
    assert {stage.lease().session_id, stage.lease().session_id} == set(workers)


# -- Questions ------------------------------------------------------------------------------------
def test_an_answer_reaches_the_asker_also_after_a_restart_in_between(stage: Set, played) -> None:
    provider = played(("", [use("decision_ask", text="Tea?", choices=["yes", "no"])]))
    row = stage.start("manager")
    stage.run_all()
    row.refresh_from_db()
    assert row.state == SessionState.WAITING_USER
    stage.act("message.post", channel="project", text="!ans 1 1")

    jobs.sweep()  # the doorbell was lost with the old worker: a sweep of the new one finds it
    stage.run_all()

    assert "yes" in provider.requests[-1].prompt
    row.refresh_from_db()
    assert row.state == SessionState.RUNNING
