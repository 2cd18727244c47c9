"""Pull requests: who approves what, and what a merge does or refuses."""

import subprocess
from pathlib import Path

import pytest

from agents import checkouts, merging, places
from agents.actions import pulls
from agents.git.repository import branch_tip
from agents.models import PullRequest, PullState, Review, Session, Workspace
from agents.turns import load
from hub import clock, registry
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Decision, Event, Message, Project

from .stage import Set

FIX = ('WORD = re.compile(r"[a-z]+")', """WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")""")


@pytest.fixture
def writer(stage: Set) -> Actor:
    """An implementer with a task and a checkout, in a turn."""
    stage.act("task.open", title="Repair the words", name="repair")
    stage.start("implementer", task=1)
    actor = stage.lease().actor()
    registry.call(actor, "turn.begin", {})
    registry.call(actor, "workspace.take", {"write": True})
    session = load(Session.objects.get().pk)
    checkouts.prepare(actor, session, Workspace.objects.get())
    return actor


def change(actor: Actor, old: str = FIX[0], new: str = FIX[1]) -> None:
    """Edit the checkout and commit it in the agent's name."""
    session = load(Session.objects.get(run_id=actor.run_id).pk)
    workspace = Workspace.objects.get()
    path = Path(workspace.path) / "wordcount" / "counting.py"
    path.write_text(path.read_text().replace(old, new))
    checkouts.commit(actor, session, workspace, "Repair the words")


def offered(stage: Set, actor: Actor) -> PullRequest:
    """Open a pull request and let the worker prepare it."""
    made = registry.call(actor, "pull.open", {"task": 1, "title": "Repair the words"})
    return prepared(made["number"])


def prepared(number: int) -> PullRequest:
    row = PullRequest.objects.get(number=number)
    merging.work_on(row.pk)
    row.refresh_from_db()
    return row


def merge(stage: Set, row: PullRequest) -> PullRequest:
    stage.act("pull.merge", pull=row.number)
    return prepared(row.number)


def test_an_offered_change_says_exactly_what_it_is(stage: Set, writer: Actor) -> None:
    change(writer)

    row = offered(stage, writer)

    assert row.state == PullState.OPEN
    assert row.head_commit == branch_tip(places.bare(stage.stage.project), row.branch)
    assert row.base_commit == branch_tip(places.bare(stage.stage.project), "main")
    assert Event.objects.filter(name="pull.ready").count() == 1


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


def test_an_author_cannot_approve_their_own_work(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    bold = Actor(
        member_id=writer.member_id,
        project_id=writer.project_id,
        entry="api",
        capabilities=frozenset({"read", "review"}),
    )

    with pytest.raises(Forbidden) as refusal:
        registry.call(bold, "pull.review", {"pull": row.number, "verdict": "approve"})

    assert refusal.value.code == "pull.own_work"
    assert not Review.objects.exists()


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


def test_a_verdict_on_another_version_is_refused(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)

    with pytest.raises(Conflict) as refusal:
        stage.act("pull.review", pull=row.number, verdict="approve", tree="0" * 40)

    assert refusal.value.code == "pull.moved"


def test_notes_on_lines_reach_the_author_as_one_message(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    before = Message.objects.count()
    notes = [
        {"path": "wordcount/counting.py", "line": 7, "text": "Why this?"},
        {"path": "wordcount/counting.py", "line": 9, "text": "And this?"},
    ]

    stage.act("pull.review", pull=row.number, verdict="changes", text="Not yet.", notes=notes)

    message = Message.objects.latest("seq")
    event = Event.objects.get(project=stage.stage.project, seq=message.seq)
    assert Message.objects.count() == before + 1
    assert "wordcount/counting.py:7" in message.text
    assert "And this?" in message.text
    assert event.facts["mentions"] == [writer.member_id]


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


def commit_in(source: Path, name: str, text: str) -> None:
    (source / name).write_text(text)
    who = ["-c", "user.name=Pat", "-c", "user.email=pat@parley.invalid"]
    for command in (["add", name], [*who, "commit", "-qm", f"Change {name}"]):
        subprocess.run(["git", *command], cwd=source, check=True)


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

    assert (first, second) == (True, False)


def test_a_task_has_one_open_pull_request(stage: Set, writer: Actor) -> None:
    change(writer)
    offered(stage, writer)

    with pytest.raises(Conflict) as refusal:
        registry.call(writer, "pull.open", {"task": 1, "title": "Once more"})

    assert refusal.value.code == "pull.exists"


def test_a_task_without_a_checkout_has_nothing_to_offer(stage: Set) -> None:
    stage.act("task.open", title="Nothing done")

    with pytest.raises(Conflict) as refusal:
        stage.act("pull.open", task=1, title="Nothing")

    assert refusal.value.code == "pull.no_checkout"


def test_asking_for_approval_opens_one_card_that_the_verdict_closes(
    stage: Set, writer: Actor
) -> None:
    change(writer)
    row = offered(stage, writer)
    for _ in range(2):
        registry.call(writer, "pull.request_approval", {"pull": row.number})
    card = Decision.objects.get()

    stage.act("pull.review", pull=row.number, verdict="approve")

    card.refresh_from_db()
    assert (card.state, card.answer) == ("answered", "approved")
    assert card.link == f"/p/{stage.stage.project.slug}/pull/{row.number}/"


def test_a_closed_pull_request_takes_its_card_along(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    registry.call(writer, "pull.request_approval", {"pull": row.number})

    stage.act("pull.close", pull=row.number)

    assert Decision.objects.get().state == "canceled"


def test_a_pull_request_of_another_project_does_not_exist(stage: Set, writer: Actor) -> None:
    change(writer)
    offered(stage, writer)
    mars = Project.objects.create(slug="mars", name="Mars", created_at=clock.now())
    eve = Actor(
        member_id=stage.person.member_id,
        project_id=mars.pk,
        entry="api",
        capabilities=stage.person.capabilities,
    )

    with pytest.raises(NotFound):
        registry.call(eve, "pull.show", {"pull": 1})


def test_more_than_a_hundred_notes_are_refused(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    notes = [{"path": "a", "line": 1, "text": "again"}] * (pulls.MAX_NOTES + 1)

    with pytest.raises(Invalid) as refusal:
        stage.act("pull.review", pull=row.number, verdict="changes", notes=notes)

    assert refusal.value.code == "arguments.invalid"


def test_only_the_hub_reports_a_merge(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)

    with pytest.raises(Forbidden):
        registry.call(writer, "pull.merged", {"pull": row.number, "commit": "0" * 40})
