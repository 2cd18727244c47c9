"""The jobs behind merges: one at a time however long, and nothing twice or lost after a crash."""

import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from agents import checkouts, merging, places
from agents.actions import pulls
from agents.git import publishing, repository
from agents.git.run import GitError
from agents.models import PullRequest, PullState, Workspace
from agents.turns import load
from hub import clock, registry
from hub.actor import Actor
from hub.errors import Conflict, Unavailable
from hub.models import Event, Project

from .offering import FIX, change, commit_in, merge, offered, prepared
from .stage import Set

real_call = registry.call


class Crash(BaseException):
    """What kills a worker."""


@pytest.fixture
def approved(stage: Set, writer: Actor) -> PullRequest:
    """A pull request of two commits on the same line, approved by a person, merge ordered."""
    change(writer, FIX[0], 'WORD = re.compile(r"[a-z]*")')
    change(writer, 'WORD = re.compile(r"[a-z]*")', FIX[1])
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    stage.act("pull.merge", pull=row.number)
    row.refresh_from_db()
    return row


def crash_at(monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    def call(actor, name, *args):
        if name == action:
            raise Crash
        return real_call(actor, name, *args)

    monkeypatch.setattr(merging.registry, "call", call)


def forget(row: PullRequest) -> None:
    """Let a claim be over, as two minutes after a crash."""
    PullRequest.objects.filter(pk=row.pk).update(claimed_until=clock.now() - timedelta(seconds=1))


def source_tip(stage: Set) -> str | None:
    return repository.branch_tip(stage.stage.source / ".git", "main")


def test_a_check_that_takes_longer_than_a_claim_is_one_jobs_business(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulls, "CLAIM_S", 0.6)
    real, others, waiting = merging.tools.call, [], threading.Event()

    def slow(*args):
        for _ in range(15):
            waiting.wait(0.1)
            others.append(pulls.claim(approved.pk, clock.now()))
        return real(*args)

    monkeypatch.setattr(merging.tools, "call", slow)

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert others == [None] * 15
    assert (approved.state, approved.attempt) == (PullState.MERGED, 2)


def test_a_job_whose_claim_another_took_publishes_and_reports_nothing(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = source_tip(stage)
    real = merging.tools.call

    def overtaken(*args):
        forget(approved)
        assert pulls.claim(approved.pk, clock.now())
        return real(*args)

    monkeypatch.setattr(merging.tools, "call", overtaken)

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert source_tip(stage) == before
    assert approved.state == PullState.MERGING
    assert not Event.objects.filter(name__in=["pull.merged", "pull.refused"]).exists()


def test_a_stale_report_is_refused(stage: Set, approved: PullRequest) -> None:
    pulls.claim(approved.pk, clock.now())
    facts = {"pull": approved.number, "attempt": approved.attempt, "reason": "late"}

    with pytest.raises(Conflict) as refusal:
        registry.call(stage.hub(), "pull.refused", facts)

    assert refusal.value.code == "pull.claim_lost"


def test_a_crash_between_publishing_and_the_report_ends_in_one_merge(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_at(monkeypatch, "pull.merged")
    with pytest.raises(Crash):
        merging.work_on(approved.pk)
    monkeypatch.undo()
    forget(approved)
    published = source_tip(stage)
    monkeypatch.setattr(merging.tools, "call", lambda *_: pytest.fail("checked again"))

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert (approved.state, approved.merged_commit) == (PullState.MERGED, published)
    assert approved.check_exit_code == 0
    assert source_tip(stage) == published
    assert Event.objects.filter(name="pull.merged").count() == 1
    assert not Event.objects.filter(name="pull.refused").exists()


def test_a_crash_before_publishing_is_a_merge_like_any_other(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_args: object, **_options: object) -> None:
        raise Crash

    real = publishing.publish
    monkeypatch.setattr(merging.publishing, "publish", crash)
    with pytest.raises(Crash):
        merging.work_on(approved.pk)
    monkeypatch.setattr(merging.publishing, "publish", real)
    forget(approved)

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert approved.state == PullState.MERGED
    assert approved.merged_commit == source_tip(stage)


def test_a_fetch_that_is_faster_than_our_own_branch_spoils_nothing(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, project = publishing.publish, stage.stage.project

    def then_fetched(*args, **options):
        real(*args, **options)
        repository.ensure_mirror(project.repository, places.bare(project))

    monkeypatch.setattr(merging.publishing, "publish", then_fetched)

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert approved.state == PullState.MERGED


def test_a_busy_project_leaves_the_report_to_a_later_job(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(actor, name, *args):
        if name == "pull.merged":
            raise Unavailable("The project is busy.", code="project.busy")
        return real_call(actor, name, *args)

    monkeypatch.setattr(merging.registry, "call", busy)
    merging.work_on(approved.pk)
    monkeypatch.setattr(merging.registry, "call", real_call)
    approved.refresh_from_db()
    left = approved.state
    forget(approved)

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert (left, approved.state) == (PullState.MERGING, PullState.MERGED)


def test_a_base_that_moves_during_the_check_is_followed(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, source, rounds = merging.tools.call, stage.stage.source, []

    def meanwhile(*args):
        rounds.append(1)
        if len(rounds) == 1:
            commit_in(source, "NEWS.md", "News.\n")
        return real(*args)

    monkeypatch.setattr(merging.tools, "call", meanwhile)

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert (approved.state, len(rounds)) == (PullState.MERGED, 2)
    assert (source / "NEWS.md").exists()


def test_a_base_that_never_stands_still_is_given_up_with_the_reason(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(*_args: object, **_options: object) -> None:
        raise Conflict("main has moved in the source meanwhile.", code="merge.base_moved")

    monkeypatch.setattr(merging.publishing, "publish", moved)

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert approved.state == PullState.OPEN
    assert approved.refusal == "main has moved in the source meanwhile."


def test_a_push_whose_answer_was_lost_is_found_to_have_arrived(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = publishing.publish

    def no_answer(*args, **options):
        real(*args, **options)
        raise GitError("git push took longer than 300 s.", code="git.timeout")

    monkeypatch.setattr(merging.publishing, "publish", no_answer)

    merging.work_on(approved.pk)

    approved.refresh_from_db()
    assert (approved.state, approved.merged_commit) == (PullState.MERGED, source_tip(stage))


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
