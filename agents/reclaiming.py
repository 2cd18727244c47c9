"""Removing what no one needs from this machine's disk: checkouts, and scratch folders."""

import logging
from pathlib import Path

from django.db import connections
from django.db.models import F, Q

from agents import children, places
from agents.actions import reclaims
from agents.git import checkouts as git_checkouts
from agents.git import merges, repository, trees
from agents.models import PullRequest, PullState, ToolCall, Workspace, WorkspaceState
from agents.policy.reclaim import Need, Work, loses_work, still_needed
from hub import clock, identify, registry
from hub.errors import HubError
from hub.models import Objective, Project
from hub.text import clip

MAX_AT_ONCE = 50

logger = logging.getLogger(__name__)


def reclaim(target: str) -> int:
    """Remove the checkouts of a target that may go; tell how many.

    Each stands closed in the database before its folder is touched, and is counted as removed
    after: a crash in between is made good by the next call.
    """
    over = Q(state=WorkspaceState.ARCHIVED) | Q(task__ended_at__isnull=False)
    rows = Workspace.objects.filter(over, target__name=target, removed_at=None)
    # Longest not looked at first: those that are kept hold up nobody.
    turn = F("looked_at").asc(nulls_first=True)
    rows = rows.select_related("task__objective", "project").order_by(turn, "pk")
    return sum(_try(row) for row in rows[:MAX_AT_ONCE])


def _try(row: Workspace) -> bool:
    try:
        reason = _reclaim(row)
    except (HubError, OSError) as error:
        logger.warning("checkout %s stays: %s", row.branch, error)
        reason = str(error)
    seen = {"kept_because": clip(reason, 200), "looked_at": clock.now()}
    Workspace.objects.filter(pk=row.pk).update(**seen)
    return not reason


def _reclaim(row: Workspace) -> str:
    hub = identify.of_hub(row.project_id)
    need = reclaims.need_of(row, hub.at(clock.now()))
    reason = still_needed(need)
    if reason:
        return reason
    calls = ToolCall.objects.filter(child_pid__isnull=False)
    if not children.end(calls.filter(step__turn__session__workspace=row)):
        return "a program in it does not end"
    reason = loses_work(need, _work_in(row, need)) if Path(row.path).exists() else ""
    if reason:
        return reason
    registry.call(hub, "workspace.reclaim", {"workspace": row.pk})
    connections.close_all()
    git_checkouts.remove_checkout(Path(row.path))
    git_checkouts.remove_checkout(places.agent_home(Path(row.path)))
    Workspace.objects.filter(pk=row.pk).update(removed_at=clock.now())
    return ""


def _work_in(row: Workspace, need: Need) -> Work:
    """Look at what stands in a checkout; one that was never finished holds nothing."""
    if need.is_discarded or not row.base_commit:
        return Work(unpublished=False, uncommitted=False)
    bare = places.bare(row.project)
    merged = PullRequest.objects.filter(workspace=row, state=PullState.MERGED).last()
    connections.close_all()
    tree = trees.take_tree(bare, Path(row.path), row.branch)
    base = repository.branch_tip(bare, row.base_branch)
    published = bool(merged and merged.head_commit == tree.tip)
    in_base = base is not None and merges.is_ancestor(bare, tree.tip, base)
    return Work(
        unpublished=not (published or in_base),
        uncommitted=tree.sha != repository.tree_of(bare, tree.tip),
    )


def clear_scratch(target: str) -> int:
    """Remove the scratch folders of objectives that are over, on this machine; tell how many."""
    removed = 0
    for project in Project.objects.filter(workspaces__target__name=target).distinct():
        over = Objective.objects.filter(project=project, ended_at__isnull=False)
        for number in over.values_list("number", flat=True):
            folder = places.scratch_folder(project, number)
            if folder.is_dir():
                git_checkouts.remove_checkout(folder)
                removed += 1
    return removed
