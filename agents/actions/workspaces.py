"""Checkouts as rows: planned, ready, failed, and what was committed in them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agents import places
from agents.git.repository import task_branch
from agents.models import (
    WORKSPACE_STATES,
    PullRequest,
    PullState,
    Session,
    Workspace,
    WorkspaceState,
)
from hub.actions import events
from hub.actor import Actor
from hub.errors import Invalid
from hub.models import Task
from hub.registry import action
from hub.schemas import Done
from hub.text import clip

from . import merges, turns

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]


class WorkspaceOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    state: str
    path: str
    branch: str
    base_branch: str


@action("workspace.take", needs="run", returns=WorkspaceOut | None)
def take(actor: Actor, *, write: bool) -> Workspace | None:
    """Give the checkout of the session's task; to who only reads, nothing until it stands.

    With `write` it is planned if there is none, and the session becomes its only writer until the
    turn's lease ends; None means that another one is writing.
    """
    row = turns.session_of(actor)
    if row.task is None:
        raise Invalid("A session without a task has no checkout.", code="workspace.no_task")
    rows = Workspace.objects.filter(task=row.task).exclude(state=WorkspaceState.ARCHIVED)
    workspace = rows.first() if write else rows.filter(state=WorkspaceState.READY).first()
    if write and workspace is None:
        workspace = _plan(actor, row, row.task)
    if workspace is None or (write and not turns.take_workspace(actor, workspace)):
        return None
    Session.objects.filter(pk=row.pk).update(workspace=workspace)
    return workspace


def _plan(actor: Actor, row: Session, task: Task) -> Workspace:
    past = Workspace.objects.filter(task=task).count()
    branch = task_branch(task.number, task.name) + (f"-{past + 1}" if past else "")
    return Workspace.objects.create(
        project_id=actor.project_id,
        task=task,
        target=row.target,
        path=str(places.checkout(row.project, branch)),
        branch=branch,
        base_branch=row.project.base_branch,
        created_at=actor.now,
    )


@action("workspace.ready", needs="run", returns=Done)
def ready(actor: Actor, workspace: int, base_commit: Commit) -> Done:
    """Report that a checkout stands on the disk."""
    row = Workspace.objects.get(pk=workspace, project_id=actor.project_id)
    WORKSPACE_STATES.move(row, WorkspaceState.READY, base_commit=base_commit)
    events.record(actor, "workspace.ready", f"task:{row.task.number}", branch=row.branch)
    return Done()


@action("workspace.committed", needs="run", returns=Done)
def committed(actor: Actor, commit: Commit, subject: str) -> Done:
    """Report a commit on the task's branch; an open pull request of it is prepared again."""
    row = turns.session_of(actor)
    if row.workspace is None or row.task is None:
        raise Invalid("This session has no checkout.", code="workspace.none")
    events.record(
        actor,
        "workspace.committed",
        f"task:{row.task.number}",
        commit=commit,
        subject=clip(subject, 120),
    )
    pull = PullRequest.objects.filter(workspace=row.workspace, state=PullState.OPEN).first()
    if pull:
        merges.touch(actor, pull)
    return Done()


@action("workspace.leave", needs="run", returns=Done)
def leave(actor: Actor) -> Done:
    """Stop being the writer of a checkout; writes no event."""
    Workspace.objects.filter(writer_id=actor.run_id).update(writer_id=None)
    return Done()
