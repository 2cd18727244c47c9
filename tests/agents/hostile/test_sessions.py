"""Hostile commands in a session's turn and in a merge's check: cancelled, taken over, refused."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connections

from agents import children, containment, places, tools, turns
from agents.models import PullRequest, PullState, Session, ToolCall, Workspace
from agents.models.sessions import CallState
from agents.processes import Child
from hub.models import Project
from tests.agents.dying import source_tip
from tests.agents.marks import Mark
from tests.agents.offering import prepared
from tests.agents.played import use
from tests.agents.stage import Set
from tests.conftest import require_program
from tests.hub.running import wait_for

from .test_survivors import hostile


@pytest.fixture(autouse=True)
def _contained() -> None:
    require_program("bwrap")
    assert containment.look().is_contained, containment.look().words


def in_turn() -> threading.Thread:
    def turn() -> None:
        try:
            turns.run_next("local")
        finally:
            connections.close_all()

    thread = threading.Thread(target=turn)
    thread.start()
    return thread


def test_nothing_of_a_cancelled_session_survives_ten_seconds(
    stage: Set, played, mark: Mark
) -> None:
    stage.act("task.open", title="Repair the words", name="repair")
    row = stage.start("implementer", task=1)
    played(("", [use("run_command", command=hostile(mark, mark.sleep), timeout_s=300)]))
    thread = in_turn()
    mark.wait(4)

    began = time.monotonic()
    stage.act("session.cancel", session=row.number)
    wait_for(lambda: not mark.left(), "the end of the command")

    assert time.monotonic() - began < 10
    thread.join(timeout=20)
    assert not thread.is_alive()


def test_who_takes_over_ends_all_that_the_predecessor_started(
    stage: Set, played, mark: Mark
) -> None:
    stage.act("task.open", title="Repair the words", name="repair")
    row = stage.start("implementer", task=1)
    played(("", [use("run_command", command=hostile(mark, mark.sleep), timeout_s=300)]))
    thread = in_turn()
    mark.wait(4)
    recorded = ToolCall.objects.get(state=CallState.BEGUN)

    gone = children.end(children.of_session(Session.objects.get(pk=row.pk)))

    assert recorded.child_pid
    assert gone
    assert mark.left() == []
    thread.join(timeout=20)


def test_a_child_is_gone_only_when_its_whole_namespace_is(stage: Set, writer, mark: Mark) -> None:
    """What `children.end` waits for is the first process, which the kernel reaps as the last."""
    workspace = Workspace.objects.get()
    heard: list[Child] = []
    desk = tools.Workspace(
        path=Path(workspace.path),
        home=places.agent_home(Path(workspace.path)),
        owner=containment.user(),
        on_start=heard.append,
    )
    command = {"command": hostile(mark, mark.sleep)}
    thread = threading.Thread(target=tools.call, args=(desk, "run_command", command))
    thread.start()
    mark.wait(4)

    children.processes.kill(heard[0])
    while children.processes.is_running(heard[0]):
        pass

    assert mark.left() == []
    thread.join(timeout=20)


def test_the_check_of_a_merge_reads_no_secret_and_leaves_nothing(
    stage: Set, approved: PullRequest, mark: Mark
) -> None:
    key = places.bare(stage.stage.project).parents[1] / "secret-key"
    key.write_text("the-hubs-secret-key")
    before = source_tip(stage)
    attack = f"cat {key} {stage.stage.source}/README.md; {hostile(mark)} exit 3"
    Project.objects.filter(pk=stage.stage.project.pk).update(check_command=attack)

    row = prepared(approved.number)

    assert row.state == PullState.OPEN
    assert "ended with 3" in row.refusal
    assert row.check_output.count("No such file") == 2
    assert "the-hubs-secret-key" not in row.check_output
    assert source_tip(stage) == before
    assert mark.left() == []


def test_without_containment_the_check_reads_the_secret(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = replace(containment.look(), trouble="the test says so")
    monkeypatch.setattr(containment, "look", lambda: bare)
    monkeypatch.setattr(containment, "user", lambda: None)
    key = places.bare(stage.stage.project).parents[1] / "secret-key"
    key.write_text("the-hubs-secret-key")
    command = f"cat {key}; exit 3"
    Project.objects.filter(pk=stage.stage.project.pk).update(check_command=command)

    row = prepared(approved.number)

    assert "the-hubs-secret-key" in row.check_output


def test_what_an_agent_writes_is_committed_and_belongs_to_the_agents_user(
    stage: Set, played
) -> None:
    stage.act("task.open", title="Repair the words", name="repair")
    stage.start("implementer", task=1)
    played(
        (
            "",
            [
                use("run_command", command="echo by-command > a; git log --oneline | wc -l"),
                use("write_file", path="folder/b", content="by tool\n"),
                use("commit", message="Add two files"),
                use("git_status"),
            ],
        )
    )

    stage.run_all()

    calls = {call.name: call for call in ToolCall.objects.all()}
    path = Path(Workspace.objects.get().path)
    owner = containment.user()
    assert int(calls["run_command"].result) >= 1
    assert not calls["commit"].is_error, calls["commit"].result
    assert calls["git_status"].result.startswith("## parley/")
    assert "a" not in calls["git_status"].result.splitlines()[1:]
    if owner:
        owners = {(path / name).stat().st_uid for name in ("a", "folder", "folder/b", ".git")}
        assert owners == {owner.uid}
