"""A worker that dies in the middle of a shift change: composed or continued, never two workers."""

from datetime import timedelta

import pytest

from agents import handing, jobs, providers, toolbox, turns
from agents.models import Handoff, HandoffState, Session, SessionState, Turn
from agents.providers.base import ContextFull
from hub import clock, registry
from hub.errors import Conflict
from hub.models import Message, Project, Run, Task

from .played import Played, use
from .shifting import Crash, Grown, fill, hand_over, handed, heir, runners, working
from .stage import Set

real_call = registry.call


def crash_at(monkeypatch: pytest.MonkeyPatch, name: str, *, after: bool = False) -> None:
    """Let the worker die just before an action of its turn, or just after its commit."""

    def call(actor, action, *args, **options):
        if action == name and not after:
            raise Crash
        answer = real_call(actor, action, *args, **options)
        if action == name:
            raise Crash
        return answer

    for module in (turns.registry, handing.registry, toolbox.registry):
        monkeypatch.setattr(module, "call", call)


def lapse() -> None:
    """Let all leases be over, as half a minute after a crash."""
    late = clock.now() - timedelta(seconds=1)
    Run.objects.filter(lease_until__isnull=False).update(lease_until=late)


STEPS = [
    ("turn.ask_form", False),
    ("turn.ask_form", True),
    ("turn.read", True),
    ("turn.answer", True),
    ("session.hand_off", False),
    ("session.hand_off", True),
    ("turn.end_call", False),
    ("turn.end_call", True),
    ("turn.end", False),
    ("session.acknowledge_handoff", False),
    ("session.acknowledge_handoff", True),
]


@pytest.mark.parametrize(("action", "after"), STEPS)
def test_a_worker_killed_at_any_step_leaves_one_that_finishes(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch, action: str, after: bool
) -> None:
    provider = Played(("", [use("task_claim", task=1)]))
    monkeypatch.setattr(providers, "PROVIDERS", {"rehearsal": provider})
    row = working(stage, "manager")
    provider.answers = [("", [hand_over()]), ("On it.", [use("task_renew", task=1)])]
    stage.act("session.shift_change", session=row.number, reason="lunch")

    with monkeypatch.context() as patched:
        crash_at(patched, action, after=after)
        with pytest.raises(Crash):
            stage.run_all()
    at_the_crash = runners()
    lapse()
    provider.answers = provider.answers or [("", [hand_over()])]
    stage.run_all()

    handoff = Handoff.objects.get()
    row.refresh_from_db()
    assert (at_the_crash, runners()) == (1, 1)
    assert handoff.state == HandoffState.ACKNOWLEDGED
    assert (row.state, heir(row).state) == (SessionState.SUCCEEDED, SessionState.RUNNING)
    assert Task.objects.get().holder_id == heir(row).member_id
    assert Message.objects.filter(channel__kind="standup", text__contains="hands over").count() == 1
    assert not Turn.objects.filter(session=row, state="running").exists()
    assert Session.objects.filter(predecessor=row).count() == 1


def test_a_worker_killed_while_writing_is_replaced_by_the_records(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    played(("", [use("task_claim", task=1)]))
    row = working(stage, "manager")
    stage.act("session.shift_change", session=row.number)
    with monkeypatch.context() as patched:
        crash_at(patched, "turn.answer")
        with pytest.raises(Crash):
            stage.run_all()
    Handoff.objects.update(deadline=clock.now() - timedelta(seconds=1))

    jobs.sweep()
    lapse()
    stage.run_all()

    assert handed(row).is_composed
    assert handed(row).state == HandoffState.ACKNOWLEDGED
    assert runners() == 1
    assert Task.objects.get().holder_id == heir(row).member_id


def test_a_worker_that_wakes_up_after_the_records_were_used_writes_nothing(
    stage: Set, played
) -> None:
    played(("", [use("task_claim", task=1)]))
    row = working(stage, "manager")
    stage.act("session.shift_change", session=row.number)
    late = stage.lease().actor()
    registry.call(late, "turn.begin", {})
    registry.call(late, "turn.ask_form", {})
    Handoff.objects.update(deadline=clock.now() - timedelta(seconds=1))

    jobs.sweep()

    with pytest.raises(Conflict) as refusal:
        registry.call(late, "session.hand_off", hand_over().arguments)
    assert refusal.value.code == "run.stale"
    assert handed(row).is_composed


def test_an_agent_in_a_turn_is_not_relieved_before_it_was_asked(stage: Set, played) -> None:
    played()
    row = working(stage, "manager")
    stage.act("session.shift_change", session=row.number)
    stage.lease()
    Handoff.objects.update(deadline=clock.now() - timedelta(seconds=1))

    jobs.sweep()

    assert handed(row).state == HandoffState.ASKED


def test_nothing_is_composed_while_the_project_is_paused(stage: Set, played) -> None:
    played()
    row = working(stage, "manager")
    stage.act("session.shift_change", session=row.number)
    Handoff.objects.update(deadline=clock.now() - timedelta(seconds=1))
    Project.objects.filter(pk=stage.stage.project.pk).update(paused_at=clock.now())

    jobs.sweep()

    assert handed(row).state == HandoffState.ASKED


def test_every_job_delivered_twice_makes_one_successor(stage: Set, played) -> None:
    provider = played()
    row = working(stage, "manager")
    stage.act("session.shift_change", session=row.number)
    provider.answers = [("", [hand_over()])]
    Handoff.objects.update(deadline=clock.now() - timedelta(seconds=1))

    for job in (jobs.sweep, jobs.sweep, jobs.run_turn, jobs.run_turn, jobs.sweep, jobs.run_turn):
        job()

    assert Session.objects.filter(predecessor=row).count() == 1
    assert handed(row).state == HandoffState.ACKNOWLEDGED


class Full(Grown):
    """A provider whose second answer no longer fits the model."""

    def respond(self, request, stop):
        if len(self.requests) == 1:
            self.requests.append(request)
            raise ContextFull("It does not fit.")
        return super().respond(request, stop)


def test_a_conversation_that_does_not_fit_is_relieved_and_its_news_read_again(
    stage: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Full()
    monkeypatch.setattr(providers, "PROVIDERS", {"rehearsal": provider})
    row = working(stage)
    stage.act("message.post", channel="project", text=f"@{row.member.name} do not lose this")
    stage.wake()

    stage.run_all()

    row.refresh_from_db()
    assert (handed(row).is_composed, handed(row).reason) == (True, "It does not fit.")
    assert row.state == SessionState.SUCCEEDED
    assert "do not lose this" in provider.requests[-1].prompt
    assert provider.requests[-1].agent == heir(row).member.name


def test_a_first_prompt_that_does_not_fit_makes_no_endless_chain(
    stage: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args):
        raise ContextFull("It does not fit.")

    provider = Played()
    provider.respond = full
    monkeypatch.setattr(providers, "PROVIDERS", {"rehearsal": provider})

    row = working(stage)

    assert row.turns.get().state == "failed"
    assert not Handoff.objects.exists()


def test_a_canceled_successor_ends_the_whole_shift(stage: Set, played) -> None:
    played(("", [use("task_claim", task=1)]))
    row = working(stage, "manager")
    fill(row, 95)
    actor = stage.lease().actor()
    registry.call(actor, "turn.begin", {})
    registry.call(actor, "turn.force_shift", {})

    stage.act("session.cancel", session=heir(row).number)

    row.refresh_from_db()
    assert (handed(row).state, row.state) == (HandoffState.CANCELED, SessionState.CANCELED)
    assert Task.objects.get().state == "open"
    assert not Session.objects.live().exists()


def test_a_pause_goes_over_to_the_successor(stage: Set, played) -> None:
    played()
    row = working(stage, "manager")
    stage.act("session.shift_change", session=row.number)
    stage.act("session.pause", session=row.number)
    Handoff.objects.update(deadline=clock.now() - timedelta(seconds=1))

    jobs.sweep()
    stage.run_all()

    assert heir(row).paused_at is not None
    assert handed(row).state == HandoffState.COMPOSED
