"""What a member has looked at last: marks without event, for "what changed while I was away"."""

from hub import access
from hub.actor import Actor
from hub.registry import action
from hub.schemas import Done, Number

from . import events


def reader_name(member_id: int, objective: int) -> str:
    """Name the cursor of a member on an objective's page."""
    return f"seen:{member_id}:objective:{objective}"


@action("objective.mark_seen", needs="read", returns=Done, writes=False, marks=True)
def mark_seen(actor: Actor, objective: Number, upto: Number) -> Done:
    """Remember that you have seen what happened to an objective up to a number of the log."""
    row = access.get_objective(actor, objective)
    upto = min(upto, events.upto(actor.project_id))
    events.advance_cursor(actor.project_id, reader_name(actor.member_id, row.number), upto)
    return Done()
