"""The jobs behind pull requests: what they offer is what is there, and ends leave nothing."""

import shutil
from pathlib import Path

import pytest

from agents import checkouts, merging, places
from agents.git import repository
from agents.models import PullRequest, PullState, Workspace
from agents.turns import load
from hub import registry
from hub.actor import Actor
from hub.errors import Conflict
from hub.models import Project

from .dying import Crash, crash_at
from .offering import change, merge, offered, prepared
from .stage import Set


def test_a_full_disk_is_told_and_not_tried_for_ever(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(merging.git_checkouts, "extract", full)

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert approved.state == PullState.OPEN
    assert "No space left on device" in approved.refusal


def test_a_merge_leaves_no_folder_behind(stage: Set, approved: PullRequest) -> None:
    merging.work_on(approved.pk)

    trials = places.trial(stage.stage.project, 1).parent
    assert list(trials.iterdir()) == []


def test_secrets_that_a_check_prints_are_masked(stage: Set, approved: PullRequest) -> None:
    secret = "ghp_" + "a1B2" * 9
    Project.objects.update(check_command=f"echo {secret}; exit 3")

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert approved.check_exit_code == 3
    assert secret not in approved.check_output
    assert "[masked]" in approved.check_output


def test_a_check_that_ran_out_of_time_says_so(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "CHECK_TIMEOUT_S", 1)
    Project.objects.update(check_command="sleep 30")

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert "ran out of time" in approved.refusal


def test_a_project_without_a_check_command_merges_unchecked(
    stage: Set, approved: PullRequest
) -> None:
    Project.objects.update(check_command="")

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert (approved.state, approved.check_output) == (PullState.MERGED, "")


def test_a_commit_made_while_it_is_prepared_is_offered_too(
    stage: Set, writer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(writer)
    registry.call(writer, "pull.open", {"task": 1, "title": "Repair the words"})
    real, once = repository.tree_of, []

    def meanwhile(bare: Path, commit: str) -> str:
        found = real(bare, commit)
        if not once:
            once.append(1)
            change(writer, "import re", "import re  # words")
        return found

    monkeypatch.setattr(merging.repository, "tree_of", meanwhile)
    row = prepared(1)
    moved = row.state

    row = prepared(1)

    bare = places.bare(stage.stage.project)
    assert (moved, row.state) == (PullState.PREPARING, PullState.OPEN)
    assert row.head_commit == repository.branch_tip(bare, row.branch)


def test_a_commit_that_was_never_reported_is_found_by_the_merge(
    stage: Set, approved: PullRequest, writer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_at(monkeypatch, "workspace.committed")
    with pytest.raises(Crash):
        change(writer, "import re", "import re  # words")
    monkeypatch.undo()

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert "something other than what was approved" in approved.refusal
    assert approved.state == PullState.PREPARING
    assert prepared(approved.number).state == PullState.OPEN


def test_a_commit_that_was_never_reported_is_found_by_the_next_save(
    stage: Set, writer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(writer)
    row = offered(stage, writer)
    crash_at(monkeypatch, "workspace.committed")
    with pytest.raises(Crash):
        change(writer, "import re", "import re  # words")
    monkeypatch.undo()
    session = load(row.workspace.sessions.get().pk)

    checkouts.save(writer, session, Workspace.objects.get())

    row.refresh_from_db()
    assert row.state == PullState.PREPARING


def test_what_could_not_be_prepared_is_neither_reviewed_nor_merged(
    stage: Set, writer: Actor
) -> None:
    change(writer)
    registry.call(writer, "pull.open", {"task": 1, "title": "Repair the words"})
    shutil.rmtree(places.bare(stage.stage.project) / "refs")
    (places.bare(stage.stage.project) / "refs").mkdir()
    (places.bare(stage.stage.project) / "packed-refs").unlink(missing_ok=True)

    row = prepared(1)

    assert (row.state, bool(row.refusal)) == (PullState.OPEN, True)
    with pytest.raises(Conflict) as refusal:
        stage.act("pull.review", pull=1, verdict="approve")
    assert refusal.value.code == "pull.not_ready"
    with pytest.raises(Conflict):
        stage.act("pull.merge", pull=1)


def test_a_closed_pull_request_is_nobodys_work(stage: Set, writer: Actor) -> None:
    change(writer)
    registry.call(writer, "pull.open", {"task": 1, "title": "Repair the words"})
    stage.act("pull.close", pull=1)

    row = prepared(1)

    assert (row.state, row.attempt) == (PullState.CLOSED, 0)


def test_pull_requests_are_listed_with_and_without_the_finished(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    merge(stage, row)

    shown = [stage.act("pull.list", finished=finished) for finished in (False, True)]

    assert [len(rows) for rows in shown] == [0, 1]
