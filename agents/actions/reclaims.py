"""Checkouts that are over: given up by a person, or removed by the hub."""

from django.db.models import Q

from agents.models import (
    WORKSPACE_STATES,
    PullRequest,
    PullState,
    Session,
    Workspace,
    WorkspaceState,
)
from agents.policy.reclaim import Need, still_needed
from hub import access
from hub.actions import events
from hub.actor import Actor
from hub.errors import Conflict, NotFound
from hub.models import ObjectiveState, Task, TaskDependency
from hub.registry import action
from hub.schemas import Done, Line, TaskRef

LIVE_PULLS = (PullState.PREPARING, PullState.OPEN, PullState.MERGING)


@action("workspace.discard", needs="decide", returns=Done)
def discard(actor: Actor, task: TaskRef, *, reason: Line = "") -> Done:
    """Give up a task's checkout with all that is in it; the next agent begins with a new one.

    Raises NotFound when there is none, Conflict while an agent writes in it or a change of it is
    offered.
    """
    work = access.get_task(actor, task)
    rows = Workspace.objects.filter(task=work, removed_at=None, discarded_at=None)
    row = rows.order_by("-pk").first()
    if row is None:
        raise NotFound(f"#{work.number} has no checkout.", code="workspace.none_left")
    if is_in_use(row, actor):
        raise Conflict(
            "An agent is at work in it; pause or cancel its session first.", code="workspace.in_use"
        )
    offer = PullRequest.objects.filter(workspace=row, state__in=LIVE_PULLS).first()
    if offer:
        raise Conflict(
            f"Pull request {offer.number} offers it; close that first.", code="workspace.offered"
        )
    _archive(row)
    Workspace.objects.filter(pk=row.pk).update(discarded_at=actor.now, kept_because="")
    subject = f"task:{work.number}"
    events.record(actor, "workspace.discarded", subject, branch=row.branch, reason=reason)
    return Done()


def _archive(row: Workspace) -> None:
    if row.state == WorkspaceState.PREPARING:
        WORKSPACE_STATES.move(row, WorkspaceState.FAILED)
    if row.state != WorkspaceState.ARCHIVED:
        WORKSPACE_STATES.move(row, WorkspaceState.ARCHIVED, writer_id=None)


def is_in_use(row: Workspace, actor: Actor) -> bool:
    """Tell whether somebody writes in a checkout now, or reads in it during a turn."""
    in_turn = Q(run__lease_until__gt=actor.now)
    writing = Workspace.objects.filter(pk=row.pk, writer__lease_until__gt=actor.now)
    return writing.exists() or Session.objects.filter(in_turn, workspace=row).exists()


def need_of(row: Workspace, actor: Actor) -> Need:
    """Gather who may still need a checkout."""
    task = row.task
    waiting = TaskDependency.objects.filter(blocker=task, resolved_at=None)
    waiting = waiting.filter(task__in=Task.objects.live())
    pulls = PullRequest.objects.filter(workspace=row)
    objective = task.objective
    return Need(
        is_published=pulls.filter(state=PullState.MERGED).exists(),
        is_discarded=row.discarded_at is not None,
        is_in_use=is_in_use(row, actor),
        has_session=Session.objects.live().filter(task=task).exists(),
        has_offer=pulls.filter(state__in=LIVE_PULLS).exists(),
        is_task_over=task.ended_at is not None,
        is_objective_waiting=objective is not None and objective.state == ObjectiveState.WAITING,
        waiting_tasks=tuple(waiting.values_list("task__number", flat=True)),
    )


@action("workspace.reclaim", needs="hub", returns=Done)
def reclaim(actor: Actor, workspace: int) -> Done:
    """Close a checkout for good, before its folder is removed.

    Raises Conflict `workspace.needed` when somebody needs it by now.
    """
    rows = Workspace.objects.filter(pk=workspace, project_id=actor.project_id)
    row = rows.select_related("task__objective").first()
    if row is None:
        raise NotFound("There is no such checkout here.", code="workspace.unknown")
    reason = still_needed(need_of(row, actor))
    if reason:
        raise Conflict(f"The checkout stays: {reason}.", code="workspace.needed")
    _archive(row)
    events.record(actor, "workspace.reclaimed", f"task:{row.task.number}", branch=row.branch)
    return Done()
