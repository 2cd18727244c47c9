"""The only door to the agents' rows: find, keep within the actor's project, refuse."""

from agents.models import Handoff, PullRequest, Session
from hub.actor import Actor
from hub.errors import NotFound


def get_session(actor: Actor, number: int) -> Session:
    """Give a session by number."""
    row = (
        Session.objects.filter(project_id=actor.project_id, number=number)
        .select_related("member", "task", "run", "workspace", "objective", "project", "target")
        .first()
    )
    if row is None:
        raise NotFound(f"There is no session {number} here.", code="session.unknown")
    return row


def own_session(actor: Actor) -> Session | None:
    """Give the session whose turn the actor is, if it is one."""
    if actor.run_id is None:
        return None
    return (
        Session.objects.filter(run_id=actor.run_id, project_id=actor.project_id)
        .select_related("member", "task", "run", "workspace", "objective", "project")
        .first()
    )


def acting_session(actor: Actor) -> Session | None:
    """Give the live session of an agent, also where it acts without its run, as in a chat line."""
    return (
        Session.objects.live()
        .filter(member_id=actor.member_id, project_id=actor.project_id)
        .select_related("member", "parent")
        .order_by("-number")
        .first()
    )


def get_pull(actor: Actor, number: int) -> PullRequest:
    """Give a pull request by number."""
    row = (
        PullRequest.objects.filter(project_id=actor.project_id, number=number)
        .select_related("task", "task__channel", "opened_by", "workspace", "decision", "project")
        .first()
    )
    if row is None:
        raise NotFound(f"There is no pull request {number} here.", code="pull.unknown")
    return row


def get_handoff(actor: Actor, number: int) -> Handoff:
    """Give a hand-off by number."""
    row = (
        Handoff.objects.filter(project_id=actor.project_id, number=number)
        .select_related("predecessor__member", "successor__member", "asked_by", "project")
        .first()
    )
    if row is None:
        raise NotFound(f"There is no hand-off {number} here.", code="handoff.unknown")
    return row
