"""The jobs behind merges: one at a time however long, nothing twice or lost after a crash."""

import threading

import pytest
from pytest_django.fixtures import Settings

from agents import merging, places
from agents.actions import pulls
from agents.git import publishing, repository
from agents.git.run import GitError
from agents.models import PullRequest, PullState
from hub import clock, registry
from hub.errors import Conflict, Unavailable
from hub.models import Event

from .dying import Crash, crash_at, forget, source_tip
from .offering import commit_in
from .stage import Set

real_call = registry.call


def test_a_check_that_takes_longer_than_a_claim_is_one_jobs_business(
    stage: Set, approved: PullRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PULL_LEASE_S = 0.6
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
