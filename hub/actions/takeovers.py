"""Work that goes from one member to another who takes their place."""

from datetime import timedelta
from typing import Any

from django.db.models import Q

from hub.actor import Actor
from hub.models import Member, Task

from .tasks import DEFAULT_LEASE_S, log


def hand_over(actor: Actor, giver: Member, taker: Member) -> list[int]:
    """Move, under the lock, what one member holds and was given to another; list the numbers.

    A held task gets a new fence, so that a late write of the giver is refused.
    """
    theirs = Q(holder=giver) | Q(assignee=giver)
    rows = Task.objects.live().filter(theirs, project_id=actor.project_id).order_by("number")
    numbers = []
    for row in rows.select_related("objective"):
        numbers.append(row.number)
        changes: dict[str, Any] = {}
        if row.assignee_id == giver.pk:
            changes["assignee"] = taker
        if row.holder_id == giver.pk:
            until = actor.now + timedelta(seconds=DEFAULT_LEASE_S)
            changes |= {"holder": taker, "fence": row.fence + 1, "lease_until": until}
        Task.objects.filter(pk=row.pk).update(**changes)
        log(actor, "task.handed_over", row, to=taker.name, fence=changes.get("fence"))
    return numbers
