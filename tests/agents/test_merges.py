"""Merges: only what was approved, checked on the result, once."""

import subprocess

import pytest

from agents import merging, places
from agents.actions import pulls
from agents.git.repository import branch_tip
from agents.models import PullRequest, PullState, Session, Workspace
from hub import clock, registry
from hub.actor import Actor
from hub.errors import Conflict, Forbidden
from hub.models import Event

from .offering import FIX, change, commit_in, merge, offered, prepared
from .stage import Set


def test_an_approved_change_is_merged_checked_and_published(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve", tree=row.tree)

    row = merge(stage, row)

    assert (row.state, row.check_exit_code) == (PullState.MERGED, 0)
    assert row.merged_commit == branch_tip(places.bare(stage.stage.project), "main")
    assert FIX[1] in (stage.stage.source / "wordcount" / "counting.py").read_text()
    log = subprocess.run(
        ["git", "log", "-1", "--format=%an"],
        cwd=stage.stage.source,
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout.strip() == Session.objects.get().member.name


def test_nothing_is_merged_without_a_persons_approval(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)

    with pytest.raises(Conflict) as refusal:
        stage.act("pull.merge", pull=row.number)

    assert refusal.value.code == "pull.not_approved"


def test_an_approval_is_bound_to_the_exact_change(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve", tree=row.tree)
    change(writer, "import re", "import re  # words")

    row = prepared(row.number)

    assert row.state == PullState.OPEN
    with pytest.raises(Conflict) as refusal:
        stage.act("pull.merge", pull=row.number)
    assert refusal.value.code == "pull.not_approved"


def test_requested_changes_stop_a_merge_of_that_version(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    stage.act("pull.review", pull=row.number, verdict="changes", text="I looked again.")

    with pytest.raises(Conflict, match="Changes were requested"):
        stage.act("pull.merge", pull=row.number)


def test_a_conflict_free_move_of_the_base_keeps_the_approval(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    commit_in(stage.stage.source, "NEWS.md", "News.\n")

    row = merge(stage, row)

    assert row.state == PullState.MERGED
    assert (stage.stage.source / "NEWS.md").exists()


def test_a_conflict_is_refused_with_the_paths(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    path = stage.stage.source / "wordcount" / "counting.py"
    commit_in(
        stage.stage.source,
        "wordcount/counting.py",
        path.read_text().replace(FIX[0], 'WORD = re.compile(r"[a-z0-9]+")'),
    )

    row = merge(stage, row)

    assert row.state == PullState.OPEN
    assert "wordcount/counting.py" in row.refusal
    assert Event.objects.filter(name="pull.refused").count() == 1


def test_a_red_check_refuses_the_merge_and_keeps_the_output(stage: Set, writer: Actor) -> None:
    change(writer, FIX[0], 'WORD = re.compile(r"[a-z]+ ")')
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    tip = branch_tip(places.bare(stage.stage.project), "main")

    row = merge(stage, row)

    assert row.state == PullState.OPEN
    assert row.check_exit_code == 1
    assert "FAILED" in row.check_output
    assert branch_tip(places.bare(stage.stage.project), "main") == tip


def test_a_dirty_base_is_left_alone_and_the_page_says_why(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    readme = stage.stage.source / "README.md"
    readme.write_text("my own words\n")

    row = merge(stage, row)

    assert row.state == PullState.OPEN
    assert row.refusal
    assert readme.read_text() == "my own words\n"


def test_the_same_job_twice_merges_once(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    stage.act("pull.merge", pull=row.number)

    merging.work_on(row.pk)
    merging.work_on(row.pk)

    assert Event.objects.filter(name="pull.merged").count() == 1


def test_a_claimed_pull_request_is_one_jobs_business(stage: Set, writer: Actor) -> None:
    change(writer)
    made = registry.call(writer, "pull.open", {"task": 1, "title": "Repair the words"})
    row = PullRequest.objects.get(number=made["number"])

    first, second = pulls.claim(row.pk, clock.now()), pulls.claim(row.pk, clock.now())

    assert (first, second) == (1, None)


def test_only_the_hub_reports_a_merge(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)

    with pytest.raises(Forbidden):
        registry.call(writer, "pull.merged", {"pull": row.number, "attempt": 1, "commit": "0" * 40})


def test_who_only_reads_gets_no_new_checkout_after_the_merge(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    merge(stage, row)
    registry.call(writer, "workspace.leave", {})
    stage.start("manager", task=1)
    actor = stage.lease().actor()

    taken = registry.call(actor, "workspace.take", {"write": False})

    assert taken is None
    assert Workspace.objects.get().state == "archived"
