"""A worker that is gone: what it held is free at once, what it left is ended."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from agents import checkouts, jobs, leases, processes, recovery, turns, workers
from agents.actions import pulls
from agents.git import checkouts as git_checkouts
from agents.models import PullRequest, Session, ToolCall, Workspace
from agents.models.sessions import CallState
from agents.providers.base import Answer, Request
from hub import clock, fanout, registry
from hub.actor import Actor
from hub.errors import Conflict
from hub.models import Event, Run

from .played import say, use
from .stage import Set


def name_of_the_dead() -> str:
    """Name a process of this machine that has ended, as it named itself."""
    told = "import django; django.setup(); from agents import workers; print(workers.me(), end='')"
    return subprocess.check_output([sys.executable, "-c", told], text=True)


@pytest.fixture(scope="module")
def dead() -> str:
    name = name_of_the_dead()
    assert "@" in name
    return name


def test_a_process_knows_itself_and_who_has_ended(dead: str) -> None:
    assert workers.me() == workers.me() != ""
    assert not workers.is_gone(workers.me())
    assert workers.is_gone(dead)


def test_a_pid_that_another_process_has_by_now_is_gone() -> None:
    pid, ticks = os.getpid(), processes.start_ticks(os.getpid())
    here = workers.me().partition("@")[2]

    assert workers.is_gone(f"{pid}.{ticks - 1}@{here}")


@pytest.mark.parametrize("holder", ["", "nonsense", "1.1", "1.1@another-boot.pid:[1]", "a.b@"])
def test_who_cannot_be_judged_from_here_is_not_gone(holder: str) -> None:
    assert not workers.is_gone(holder)


def test_what_a_dead_worker_holds_is_due_at_once(stage: Set, dead: str) -> None:
    row = stage.start("em")
    stage.lease()
    Session.objects.filter(pk=row.pk).update(worker=dead)

    freed = recovery.reconcile("local")

    assert freed == 1
    again = leases.claim("local")
    assert again is not None
    assert (again.session_id, again.epoch) == (row.pk, 2)


def test_what_a_living_worker_holds_stays_its_own(stage: Set) -> None:
    stage.start("em")
    stage.lease()

    assert recovery.reconcile("local") == 0
    assert leases.claim("local") is None


def test_another_targets_sessions_are_not_judged_here(stage: Set, dead: str) -> None:
    stage.start("em")
    stage.lease()
    Session.objects.update(worker=dead)

    assert recovery.reconcile("elsewhere") == 0


def test_a_session_that_was_taken_over_meanwhile_stays_with_its_new_worker(
    stage: Set, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = stage.start("em")
    stage.lease()
    Session.objects.filter(pk=row.pk).update(worker=dead)
    until = clock.now() + timedelta(seconds=20)

    def meanwhile(_holder: str) -> bool:
        Run.objects.filter(pk=row.run_id).update(epoch=2, lease_until=until)
        return True

    monkeypatch.setattr(workers, "is_gone", meanwhile)

    assert recovery.reconcile("local") == 0
    assert Run.objects.get(pk=row.run_id).lease_until == until


def test_a_pull_request_of_a_dead_job_is_claimable_at_once(
    stage: Set, approved: PullRequest, dead: str
) -> None:
    assert pulls.claim(approved.pk, clock.now()) is not None
    PullRequest.objects.update(worker=dead)

    recovery.reconcile("local")

    assert pulls.claim(approved.pk, clock.now()) is not None


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "300"], start_new_session=True)


def record(stage: Set, writer: Actor, child: subprocess.Popen[bytes]) -> Session:
    """Let the writer's turn have started a program that nobody waits for."""
    registry.call(writer, "turn.read", {"prompt": "go", "news": [], "upto": 0})
    calls = [{"id": "1", "name": "run_command", "arguments": {"command": "sleep 300"}}]
    facts = {"text": "", "calls": calls, "is_last": False, "state": {}}
    registry.call(writer, "turn.answer", facts)
    ToolCall.objects.update(
        state=CallState.BEGUN,
        child_pid=child.pid,
        child_ticks=processes.start_ticks(child.pid),
    )
    return Session.objects.get(run=writer.run_id)


def test_the_programs_of_a_dead_worker_are_ended(stage: Set, writer: Actor, dead: str) -> None:
    child = sleeper()
    row = record(stage, writer, child)
    Session.objects.filter(pk=row.pk).update(worker=dead)

    recovery.reconcile("local")

    assert child.wait(5) == -9
    assert ToolCall.objects.get().child_pid is None


def test_the_programs_of_a_living_worker_run_on(stage: Set, writer: Actor) -> None:
    child = sleeper()
    record(stage, writer, child)

    recovery.reconcile("local")

    assert child.poll() is None
    child.kill()
    child.wait(5)


def test_an_ended_session_of_a_dead_worker_holds_nothing(
    stage: Set, writer: Actor, dead: str
) -> None:
    row = Session.objects.get(run=writer.run_id)
    Session.objects.filter(pk=row.pk).update(worker=dead)
    stage.act("session.cancel", session=row.number)
    assert Workspace.objects.get().writer_id is not None

    recovery.reconcile("local")

    assert Workspace.objects.get().writer_id is None
    assert Run.objects.get(pk=row.run_id).lease_until is None


def test_a_lock_of_a_killed_git_is_removed_before_the_next_turn(stage: Set, writer: Actor) -> None:
    workspace = Workspace.objects.get()
    lock = Path(workspace.path, ".git", "index.lock")
    lock.write_text("")

    checkouts.prepare(writer, Session.objects.get(run=writer.run_id), workspace)

    assert not lock.exists()


def test_a_lock_is_not_removed_through_a_link(tmp_path: Path) -> None:
    elsewhere, checkout = tmp_path / "elsewhere", tmp_path / "checkout"
    elsewhere.mkdir()
    checkout.mkdir()
    (elsewhere / "index.lock").write_text("mine")
    (checkout / ".git").symlink_to(elsewhere)

    assert git_checkouts.unlock(checkout) is False
    assert (elsewhere / "index.lock").exists()


def consumer(queue: str) -> SimpleNamespace:
    queues = SimpleNamespace(consume_from={queue: None})
    return SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=queues)))


def test_a_sessions_worker_reconciles_before_it_takes_a_job_and_rings(
    stage: Set, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start("em")
    stage.lease()
    Session.objects.update(worker=dead)
    rung: list[str] = []
    monkeypatch.setattr(fanout, "send_job", lambda name, *args, **_: rung.append(name))

    jobs.begin(consumer("jobs"))
    assert rung == []
    jobs.begin(consumer("sessions.local"))

    assert rung == ["agents.jobs.run_turn"]


def test_the_signal_comes_before_a_worker_consumes() -> None:
    from celery.signals import celeryd_after_setup

    assert any(receiver() is jobs.begin for _, receiver in celeryd_after_setup.receivers)


def test_a_result_after_the_end_is_refused_and_leaves_one_row(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played()
    row = stage.start("em")

    def cancel_first(request: Request, _stop: object) -> Answer:
        stage.act("session.cancel", session=row.number)
        return Answer(text="", calls=(say("too late"),), is_last=False, state={})

    monkeypatch.setattr(provider, "respond", cancel_first)

    turns.run_next("local")

    row.refresh_from_db()
    assert row.state == "canceled"
    late = Event.objects.get(name="session.late_result")
    assert late.subject == f"session:{row.number}"
    assert ToolCall.objects.count() == 0


def test_a_late_result_is_written_once(stage: Set) -> None:
    row = stage.start("em")
    lease = stage.lease()
    stage.act("session.cancel", session=row.number)
    stale = Conflict("This session has ended.", code="run.stale")

    for _ in range(3):
        turns._note_late(lease, stale)

    assert Event.objects.filter(name="session.late_result").count() == 1


def test_a_session_that_was_taken_over_is_no_late_result(stage: Set) -> None:
    row = stage.start("em")

    with pytest.raises(Conflict) as refusal:
        registry.call(
            stage.hub(),
            "session.late_result",
            {"session": row.number, "epoch": 1, "code": "run.stale"},
        )

    assert refusal.value.code == "session.not_over"
    assert not Event.objects.filter(name="session.late_result").exists()


def test_canceling_ends_a_running_program_within_two_seconds(stage: Set, played) -> None:
    import threading
    import time

    from django.db import connection

    stage.act("task.open", title="Write something")
    played(("", [use("run_command", command="sleep 300 & sleep 300")]))
    row = stage.start("implementer", task=1)
    worker = threading.Thread(
        target=lambda: (turns.run_next("local"), connection.close()), daemon=True
    )
    worker.start()
    deadline = time.monotonic() + 30
    while not ToolCall.objects.filter(child_pid__isnull=False).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    group = ToolCall.objects.get().child_pid

    stage.act("session.cancel", session=row.number)
    canceled = time.monotonic()
    while members_of(group):
        assert time.monotonic() - canceled < 2
        time.sleep(0.02)
    worker.join(10)

    assert not worker.is_alive()
    assert Run.objects.get(pk=row.run_id).lease_until is None
    assert not Workspace.objects.filter(writer__isnull=False).exists()
    assert leases.running("local") == 0


def members_of(group: int | None) -> list[str]:
    """List the processes of a process group, but no zombies."""
    found = subprocess.check_output(["ps", "-eo", "pgid=,stat=,args="], text=True).splitlines()
    rows = [line.split(None, 2) for line in found]
    return [row[2] for row in rows if int(row[0]) == group and not row[1].startswith("Z")]
