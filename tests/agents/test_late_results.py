"""Results that come after the end, and what a cancel frees."""

import subprocess
import threading
import time

import pytest
from django.db import connection

from agents import leases, turns
from agents.models import ToolCall, Workspace
from agents.providers.base import Answer, Request
from hub import identify, registry
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Event, Run
from tests.cast import found

from .played import say, use
from .stage import Set


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


REPORTS = [
    ("session.late_result", {"session": 1, "epoch": 1, "code": "run.stale"}),
    ("workspace.reclaim", {"workspace": 1}),
]


@pytest.mark.parametrize(("action", "facts"), REPORTS)
def test_only_the_hub_reports_what_is_over(stage: Set, action: str, facts: dict) -> None:
    with pytest.raises(Forbidden):
        stage.act(action, **facts)


@pytest.mark.parametrize(("action", "facts"), REPORTS)
def test_reports_are_checked(stage: Set, action: str, facts: dict) -> None:
    with pytest.raises(Invalid):
        registry.call(stage.hub(), action, {**facts, "more": 1})


def test_the_hub_of_another_project_reports_nothing_here(stage: Set, writer: Actor) -> None:
    mars = identify.of_hub(found("mars", "eve").pk)
    stage.act("session.cancel", session=1)

    with pytest.raises(NotFound):
        registry.call(mars, *REPORTS[0])
    with pytest.raises(NotFound):
        registry.call(mars, "workspace.reclaim", {"workspace": Workspace.objects.get().pk})

    assert Workspace.objects.get().state == "ready"


def test_canceling_ends_a_running_program_within_two_seconds(stage: Set, played) -> None:
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
