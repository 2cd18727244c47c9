"""Turns in trouble: a busy database, endless steps, lost files, programs left behind."""

import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError

from agents import children, leases, places, providers, toolbox, turns
from agents.git import repository
from agents.models import Entry, Session, SessionState, ToolCall, Turn, TurnState, Workspace
from agents.processes import Child, start_ticks
from hub import clock, registry
from hub.errors import Conflict, Unavailable
from hub.models import Event, Message, Run

from .played import say, use
from .stage import Set

real_call = registry.call


def fail_once(monkeypatch: pytest.MonkeyPatch, action: str, error: Exception) -> None:
    """Let the first call of an action meet trouble."""
    left = [error]

    def call(actor, name, *args):
        if name == action and left:
            raise left.pop()
        return real_call(actor, name, *args)

    monkeypatch.setattr(turns.registry, "call", call)


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("The project is busy.", code="project.busy"),
        OperationalError("the connection is lost"),
    ],
)
def test_a_busy_database_costs_a_turn_nothing_but_time(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    provider = played(("I do it.", [say("once")]))
    row = stage.start("em")
    fail_once(monkeypatch, "turn.end_call", error)
    turns.run_next("local")

    stage.run_all()

    assert list(row.turns.values_list("state", flat=True)) == [TurnState.DONE]
    assert Message.objects.filter(text="once").count() == 1
    assert len(provider.requests) == 2


def test_a_turn_has_at_most_sixty_steps_however_often_it_is_taken_up(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MAX_STEPS", 4)
    played(*[("again", [use("task_list")]) for _ in range(9)])
    row = stage.start("em")
    fail_once(monkeypatch, "turn.end_call", OperationalError("the connection is lost"))

    stage.run_all()

    turn = row.turns.get()
    assert (turn.state, turn.steps.count()) == (TurnState.FAILED, 4)
    assert "at most 4 steps" in turn.error


def test_what_an_agent_wrote_before_it_finished_is_committed_in_its_name(
    stage: Set, played
) -> None:
    played(
        (
            "",
            [
                use("write_file", path="NEWS.md", content="News.\n"),
                use("session_finish", summary="Done."),
            ],
        )
    )
    stage.act("task.open", title="Write something")
    row = stage.start("implementer", task=1)

    stage.run_all()

    bare, branch = places.bare(stage.stage.project), Workspace.objects.get().branch
    shown = subprocess.run(
        ["git", "log", "-1", "--format=%an", "--name-only", branch],
        cwd=bare,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split() == [row.member.name, "NEWS.md"]
    assert Session.objects.get(pk=row.pk).state == SessionState.SUCCEEDED


def test_a_paused_turn_leaves_its_work_saved_and_the_checkout_free(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    played(("", [use("write_file", path="NEWS.md", content="News.\n")]), ("more", [say("x")]))
    stage.act("task.open", title="Write something")
    row = stage.start("implementer", task=1)
    real = toolbox.run

    def then_paused(*args, **options):
        outcome = real(*args, **options)
        stage.act("session.pause", session=row.number)
        return outcome

    monkeypatch.setattr(toolbox, "run", then_paused)

    stage.run_all()

    workspace = Workspace.objects.get()
    tip = repository.branch_tip(places.bare(stage.stage.project), workspace.branch)
    assert workspace.writer_id is None
    assert tip != workspace.base_commit
    assert row.turns.get().state == TurnState.RUNNING


def test_three_failures_are_told_where_somebody_looks(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played()

    def overloaded(_request, _stop):
        raise Unavailable("The model is overloaded.", code="provider.overloaded")

    monkeypatch.setattr(provider, "respond", overloaded)
    row = stage.start("em")

    for _ in range(3):
        Session.objects.filter(pk=row.pk).update(due_at=clock.now())
        stage.run_all()

    told = Message.objects.get(channel__kind="errors")
    assert "The model is overloaded." in told.text
    assert Event.objects.filter(name="session.paused").count() == 1


def test_an_unknown_provider_is_told_in_words(stage: Set, monkeypatch) -> None:
    monkeypatch.setattr(providers, "PROVIDERS", {})
    row = stage.start("em")

    stage.run_all()

    assert "There is no provider rehearsal" in row.turns.get().error


def test_an_end_that_comes_while_a_model_answers_is_no_failure(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played()
    row = stage.start("em")

    def canceled(_request, _stop):
        stage.act("session.cancel", session=row.number)
        raise ValueError("the stream was cut")

    monkeypatch.setattr(provider, "respond", canceled)

    ran = turns.run_next("local")

    row.refresh_from_db()
    assert (ran, row.state) == (True, SessionState.CANCELED)
    assert not Entry.objects.filter(session=row, kind="error").exists()


# -- Programs -------------------------------------------------------------------------------------
def running(stage: Set, writer, command: str) -> tuple[subprocess.Popen, ToolCall]:
    """A call whose worker died while its program ran on."""
    row = Session.objects.get()
    turn = Turn.objects.get(session=row)
    step = turn.steps.create(number=1, text="", is_last=False, at=clock.now())
    call = step.calls.create(number=1, use_id="one", name="run_command", arguments={})
    registry.call(writer, "turn.begin_call", {"call": call.pk})
    program = subprocess.Popen(["/bin/sh", "-c", command], start_new_session=True)
    child = Child(pid=program.pid, start_ticks=start_ticks(program.pid))
    children.record(writer, call.pk, child)
    return program, call


def test_taking_a_turn_over_ends_what_the_predecessor_started(stage: Set, writer, played) -> None:
    played()
    program, call = running(stage, writer, "sleep 60")
    Run.objects.update(lease_until=clock.now() - timedelta(seconds=1))

    stage.run_all()

    call.refresh_from_db()
    assert program.wait(5) == -9
    assert (call.state, call.child_pid) == ("interrupted", None)


def test_a_stale_worker_starts_no_program(stage: Set, writer) -> None:
    program, call = running(stage, writer, "true")
    program.wait(5)
    Run.objects.update(epoch=9)

    with pytest.raises(Conflict) as refusal:
        children.record(writer, call.pk, Child(pid=1, start_ticks=1))

    assert refusal.value.code == "run.stale"


def test_a_program_that_cannot_be_ended_keeps_the_session_waiting_and_says_why(
    stage: Set, writer, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    played()
    monkeypatch.setattr(children, "PATIENCE_S", 0.1)
    monkeypatch.setattr(children.processes, "kill", lambda _child: False)
    program, _ = running(stage, writer, "sleep 60")
    Run.objects.update(lease_until=clock.now() - timedelta(seconds=1))

    stage.run_all()
    program.kill()
    program.wait(5)

    row = Session.objects.get()
    assert row.state == SessionState.WAITING_CAPACITY
    assert row.activity == "a program of its last turn does not end"


def test_a_canceled_command_is_ended_within_seconds(stage: Set, played, monkeypatch) -> None:
    played(("", [use("run_command", command="echo begun > begun; sleep 60")]))
    stage.act("task.open", title="Write something")
    row = stage.start("implementer", task=1)
    real = children.record

    def then_canceled(*args):
        real(*args)
        stage.act("session.cancel", session=row.number)

    monkeypatch.setattr(children, "record", then_canceled)
    began = time.monotonic()

    turns.run_next("local")

    assert time.monotonic() - began < 20
    assert Session.objects.get(pk=row.pk).state == SessionState.CANCELED
    assert leases.waiting("local") == 0


def test_a_finished_command_is_not_looked_for_any_more(stage: Set, played) -> None:
    played(("", [use("run_command", command="echo done")]))
    stage.act("task.open", title="Write something")
    stage.start("implementer", task=1)

    stage.run_all()

    call = ToolCall.objects.get()
    assert (call.state, call.child_pid, call.result.strip()) == ("done", None, "done")
    assert Path(Workspace.objects.get().path).is_dir()
