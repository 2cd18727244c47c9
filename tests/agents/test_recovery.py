"""A worker that is gone: what it held is free at once, what it left is ended."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from agents import checkouts, jobs, leases, processes, recovery, workers
from agents.actions import pulls
from agents.git import checkouts as git_checkouts
from agents.models import PullRequest, Session, ToolCall, Workspace
from agents.models.sessions import CallState
from hub import clock, fanout, registry
from hub.actor import Actor
from hub.models import Run

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
