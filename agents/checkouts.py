"""A session's checkout on the disk: made when first needed, committed by the hub in its name."""

import logging
from pathlib import Path

from django.db import connections

from agents import containment, places
from agents.git import checkouts as git_checkouts
from agents.git import repository, syncing, trees
from agents.models import PullRequest, PullState, Session, Workspace, WorkspaceState
from hub import clock, registry
from hub.actor import Actor
from hub.errors import Conflict, HubError
from hub.text import mask

MAX_SUBJECT_CHARS = 72

logger = logging.getLogger(__name__)


def prepare(actor: Actor, session: Session, workspace: Workspace) -> None:
    """Make the clone of a workspace unless it stands already."""
    if workspace.state == WorkspaceState.READY:
        return
    bare, path = places.bare(session.project), Path(workspace.path)
    connections.close_all()
    repository.ensure_mirror(session.project.repository, bare)
    if path.exists():
        git_checkouts.remove_checkout(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    commit = git_checkouts.create_checkout(
        bare,
        path,
        branch=workspace.branch,
        base=workspace.base_branch,
        owner=containment.user(),
    )
    registry.call(actor, "workspace.ready", {"workspace": workspace.pk, "base_commit": commit})
    workspace.state = WorkspaceState.READY


def commit(actor: Actor, session: Session, workspace: Workspace, message: str) -> str:
    """Commit what stands in the checkout under the agent's name; give the commit's id.

    Raises Conflict `commit.empty` when nothing has changed.
    """
    bare = places.bare(session.project)
    now = clock.now()
    connections.close_all()
    path, owner = Path(workspace.path), containment.user()
    tree = trees.take_tree(bare, path, workspace.branch, owner=owner)
    message = mask(message)
    made = repository.commit(
        bare,
        workspace.branch,
        tree.sha,
        message=message,
        author=repository.Signature.of_agent(session.member.name, now),
        expected=tree.tip,
    )
    subject = message.strip().splitlines()[0][:MAX_SUBJECT_CHARS]
    registry.call(actor, "workspace.committed", {"commit": made, "subject": subject})
    _show(bare, workspace)
    return made


def _show(bare: Path, workspace: Workspace) -> None:
    """Let the agent's clone see the commit; one that lost its `.git` works on without."""
    try:
        syncing.sync_checkout(bare, Path(workspace.path), workspace.branch)
    except HubError as error:
        logger.warning("checkout of %s cannot see its commit: %s", workspace.branch, error)


def save(actor: Actor, session: Session, workspace: Workspace) -> None:
    """Commit what a turn left uncommitted, so that nothing is lost between turns.

    A commit that a crash left unreported is reported now, where somebody waits for it.
    """
    work = f"#{session.task_number}" if session.task_id else "the task"
    try:
        commit(actor, session, workspace, f"Save {session.member.name}'s work on {work}")
    except Conflict as error:
        if error.code != "commit.empty":
            raise
        _report_missed(actor, session, workspace)


def _report_missed(actor: Actor, session: Session, workspace: Workspace) -> None:
    offer = PullRequest.objects.filter(workspace=workspace, state=PullState.OPEN).first()
    tip = repository.branch_tip(places.bare(session.project), workspace.branch)
    if offer and tip and tip != offer.head_commit:
        facts = {"commit": tip, "subject": "What a crash kept from being told"}
        registry.call(actor, "workspace.committed", facts)
