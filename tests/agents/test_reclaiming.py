"""Checkouts and scratch folders: kept while anybody needs them, gone after."""

from pathlib import Path

import pytest

from agents import checkouts, merging, places, reclaiming, toolbox
from agents.git import checkouts as git_checkouts
from agents.git import repository
from agents.models import PullRequest, Session, Workspace
from agents.providers.base import ToolUse
from agents.turns import load
from hub import registry
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Event, Objective, ObjectiveState, Run, Task
from tests.cast import eve, mars  # noqa: F401 - fixtures

from .offering import FIX, change
from .repositories import Person
from .stage import Set


def leave(stage: Set) -> None:
    """End every session and task, as after a cancel; what is in the checkouts stays."""
    for row in Session.objects.live().filter(project=stage.stage.project):
        stage.act("session.cancel", session=row.number)
    Run.objects.update(lease_until=None)
    Workspace.objects.update(writer=None)
    for task in Task.objects.live().filter(project=stage.stage.project):
        stage.act("task.drop", task=task.number)


def commit(writer: Actor) -> None:
    change(writer, *FIX)


def here() -> Path:
    return Path(Workspace.objects.get().path)


def reason() -> str:
    return Workspace.objects.get().kept_because


def test_a_merged_change_leaves_nothing_on_the_disk(stage: Set, approved: PullRequest) -> None:
    merging.work_on(approved.pk)
    path, home = here(), places.agent_home(here())
    leave(stage)

    assert reclaiming.reclaim("local") == 1

    row = Workspace.objects.get()
    assert (row.state, row.kept_because) == ("archived", "")
    assert row.removed_at is not None
    assert not path.exists()
    assert not home.exists()
    assert Event.objects.filter(name="workspace.reclaimed").count() == 1
    assert reclaiming.reclaim("local") == 0


def test_a_merged_change_waits_for_who_is_at_work_in_it(stage: Set, approved: PullRequest) -> None:
    merging.work_on(approved.pk)

    assert reclaiming.reclaim("local") == 0

    assert here().is_dir()
    assert reason() == "an agent is at work in it"


def test_an_unpublished_commit_is_never_removed(stage: Set, writer: Actor) -> None:
    commit(writer)
    leave(stage)

    assert reclaiming.reclaim("local") == 0

    assert here().is_dir()
    assert reason() == "it holds commits that are in no other branch"


def test_those_that_are_kept_hold_up_nobody(
    stage: Set, approved: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reclaiming, "MAX_AT_ONCE", 1)
    merging.work_on(approved.pk)
    gone = Workspace.objects.get()
    leave(stage)
    kept = Workspace.objects.get()
    kept.pk, kept.path, kept.state = kept.pk - 1, f"{kept.path}-kept", "archived"
    kept.save(force_insert=True)
    monkeypatch.setattr(reclaiming, "_reclaim", lambda row: "" if row.pk == gone.pk else "kept")

    found = [reclaiming.reclaim("local") for _ in range(2)]

    assert found == [0, 1]


def test_an_uncommitted_file_is_never_removed(stage: Set, writer: Actor) -> None:
    (here() / "notes.txt").write_text("the only copy")
    leave(stage)

    assert reclaiming.reclaim("local") == 0

    assert (here() / "notes.txt").read_text() == "the only copy"
    assert reason() == "it holds changes in no commit"


def test_what_was_committed_after_the_merge_is_never_removed(
    stage: Set, approved: PullRequest
) -> None:
    merging.work_on(approved.pk)
    leave(stage)
    (here() / "notes.txt").write_text("one more thought")

    assert reclaiming.reclaim("local") == 0
    assert here().is_dir()


def test_an_untouched_checkout_of_a_dropped_task_goes(stage: Set, writer: Actor) -> None:
    path = here()
    leave(stage)

    assert reclaiming.reclaim("local") == 1
    assert not path.exists()


def test_an_objective_that_only_waits_keeps_its_checkouts(stage: Set, writer: Actor) -> None:
    stage.act("objective.open", text="Make it good")
    Task.objects.filter(number=1).update(objective=Objective.objects.get())
    Objective.objects.update(state=ObjectiveState.WAITING)
    leave(stage)

    assert reclaiming.reclaim("local") == 0

    assert reason() == "its objective waits for a person"
    Objective.objects.update(state=ObjectiveState.ACTIVE)
    assert reclaiming.reclaim("local") == 1


def test_a_crash_between_closing_and_removing_is_made_good(
    stage: Set, writer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = here()
    leave(stage)

    def crash(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(git_checkouts, "remove_checkout", crash)
    with pytest.raises(KeyboardInterrupt):
        reclaiming.reclaim("local")
    monkeypatch.undo()
    assert path.is_dir()

    assert reclaiming.reclaim("local") == 1
    assert not path.exists()


def test_the_hub_refuses_to_close_what_is_needed(stage: Set, writer: Actor) -> None:
    with pytest.raises(Conflict) as refusal:
        registry.call(stage.hub(), "workspace.reclaim", {"workspace": Workspace.objects.get().pk})

    assert refusal.value.code == "workspace.needed"


# -- workspace.discard ----------------------------------------------------------------------------
def test_what_a_person_gives_up_goes_with_all_that_is_in_it(stage: Set, writer: Actor) -> None:
    commit(writer)
    path = here()
    leave(stage)
    before = Event.objects.count()

    stage.act("workspace.discard", task=1, reason="it led nowhere")

    assert Event.objects.count() == before + 1
    assert Event.objects.latest("seq").name == "workspace.discarded"
    assert reclaiming.reclaim("local") == 1
    assert not path.exists()


def test_what_is_being_written_or_offered_is_not_given_up(
    stage: Set, approved: PullRequest
) -> None:
    with pytest.raises(Conflict) as refusal:
        stage.act("workspace.discard", task=1)
    assert refusal.value.code == "workspace.in_use"
    Run.objects.update(lease_until=None)

    with pytest.raises(Conflict) as refusal:
        stage.act("workspace.discard", task=1)
    assert refusal.value.code == "workspace.offered"


def test_an_agent_gives_up_nothing(stage: Set, writer: Actor) -> None:
    with pytest.raises(Forbidden):
        registry.call(writer, "workspace.discard", {"task": 1})


def test_eve_gives_up_nothing(stage: Set, writer: Actor, eve: Actor) -> None:  # noqa: F811
    with pytest.raises(NotFound):
        registry.call(eve, "workspace.discard", {"task": 1})


def test_there_must_be_a_task_and_a_checkout(stage: Set) -> None:
    stage.act("task.open", title="Only words")

    with pytest.raises(NotFound) as refusal:
        stage.act("workspace.discard", task=1)
    assert refusal.value.code == "workspace.none_left"
    with pytest.raises(Invalid):
        stage.act("workspace.discard", task=1, force=True)


# -- Scratch --------------------------------------------------------------------------------------
def use(actor: Actor, name: str, **arguments: object) -> toolbox.Outcome:
    session = load(Session.objects.get(run=actor.run_id).pk)
    return toolbox.run(actor, session, ToolUse(id="1", name=name, arguments=arguments), f"k{name}")


@pytest.fixture
def objective(stage: Set, writer: Actor) -> Objective:
    """An objective that the writer works for."""
    stage.act("objective.open", text="Make it good")
    row = Objective.objects.get()
    Task.objects.update(objective=row)
    Session.objects.update(objective=row)
    return row


def test_scratch_outlives_the_checkout_and_is_in_no_diff(
    stage: Set, writer: Actor, objective: Objective
) -> None:
    wrote = use(writer, "write_file", path="$SCRATCH/notes.md", content="plan A\n")
    ran = use(writer, "run_command", command='echo "and B" >> "$SCRATCH/notes.md"')
    assert (wrote.is_error, ran.exit_code) == (False, 0)
    assert use(writer, "git_status").text.count("\n") == 1
    leave(stage)
    assert reclaiming.reclaim("local") == 1

    stage.act("task.open", title="Go on", objective=objective.number)
    stage.start("implementer", task=2)
    second = stage.lease().actor()
    registry.call(second, "turn.begin", {})
    registry.call(second, "workspace.take", {"write": True})
    Path(Workspace.objects.latest("pk").path).mkdir(parents=True)

    assert use(second, "read_file", path="$SCRATCH/notes.md").text == "plan A\nand B\n"


def test_scratch_goes_with_its_objective(stage: Set, writer: Actor, objective: Objective) -> None:
    use(writer, "write_file", path="$SCRATCH/notes.md", content="plan A\n")
    folder = places.scratch(objective)
    assert reclaiming.clear_scratch("local") == 0
    leave(stage)
    stage.act("objective.cancel", objective=objective.number, reason="no")

    assert reclaiming.clear_scratch("local") == 1
    assert not folder.exists()


def test_scratch_is_left_by_no_path(writer: Actor, objective: Objective) -> None:
    outside = use(writer, "read_file", path="$SCRATCH/../../secret-key")

    assert outside.is_error
    assert "path.outside" in outside.text


def test_without_an_objective_there_is_no_scratch(writer: Actor) -> None:
    assert use(writer, "run_command", command="echo [$SCRATCH]").text == "[]\n"


# -- Freshness ------------------------------------------------------------------------------------
def test_a_push_after_the_mirror_was_warmed_is_in_a_new_checkout(stage: Set, writer: Actor) -> None:
    bare = places.bare(stage.stage.project)
    warmed = repository.branch_tip(bare, "main")
    pushed = Person(stage.stage.source).commit({"news.txt": "fresh\n"})
    assert pushed != warmed == repository.branch_tip(bare, "main")
    stage.act("task.open", title="Read the news")
    row = stage.start("implementer", task=2)
    actor = stage.lease().actor()
    registry.call(actor, "turn.begin", {})
    registry.call(actor, "workspace.take", {"write": True})
    workspace = Workspace.objects.latest("pk")

    checkouts.prepare(actor, load(row.pk), workspace)

    assert Path(workspace.path, "news.txt").read_text() == "fresh\n"
    assert Workspace.objects.get(pk=workspace.pk).base_commit == pushed
