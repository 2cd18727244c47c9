"""Machines that run sessions, as they report themselves."""

from typing import Annotated

from django.conf import settings
from pydantic import Field

from agents.models import Target
from hub.actions import events
from hub.actor import Actor
from hub.errors import Forbidden
from hub.models import HOUSE
from hub.registry import action
from hub.schemas import Done

TargetName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="a target")]
Words = Annotated[str, Field(max_length=400)]


@action("target.report", needs="hub", returns=Done)
def report(
    actor: Actor,
    target: TargetName,
    *,
    is_contained: bool,
    words: Words,
    is_allowed: bool = False,
) -> Done:
    """Report, at a start, whether a machine contains agents' commands, and what bounds them.

    `is_allowed` says that an operator has allowed them to run without; else they are refused.
    Logged in the house: each start without containment, and each change back.
    Raises Forbidden outside of the house.
    """
    if actor.project_id != HOUSE:
        raise Forbidden("Machines report to the house only.", code="target.not_house")
    row, _ = Target.objects.get_or_create(name=target, defaults={"slots": settings.SESSION_SLOTS})
    was = row.is_contained
    Target.objects.filter(pk=row.pk).update(is_contained=is_contained, containment=words)
    if not is_contained:
        about = f"target:{row.pk}"
        events.record(actor, "target.uncontained", about, target=target, allowed=is_allowed)
    elif was is False:
        events.record(actor, "target.contained", f"target:{row.pk}", target=target)
    return Done()
