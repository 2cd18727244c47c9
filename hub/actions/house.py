"""The global stop: pulled and lifted by the house's members, from wherever they are."""

from dataclasses import replace

from hub import identify
from hub.actor import Actor
from hub.errors import Conflict, Forbidden
from hub.models import HOUSE, Member, Project
from hub.models.projects import project_lock
from hub.registry import action
from hub.schemas import Line, Sentence

from . import events

RIGHT = "house"


@action("house.stop", needs="decide", returns=Sentence, chat="!stop")
def stop(actor: Actor, *, reason: Line = "") -> Sentence:
    """Stop everything in all projects at once, until it is lifted: no turn, no agent's program.

    For people who are members of the house, in whatever project they say it. Raises Conflict when
    everything is stopped already.
    """
    member = _member_of_house(actor)
    with project_lock(HOUSE) as lock:
        rows = Project.objects.filter(pk=HOUSE, paused_at=None)
        if not rows.update(paused_at=lock.now):
            raise Conflict("Everything is stopped already.", code="house.stopped")
        in_house = replace(identify.of_member(member, actor.entry), clock=lock.now)
        subject = f"project:{HOUSE}"
        events.record(in_house, "house.stopped", subject, reason=reason, said_in=actor.project_id)
    return Sentence(text="Everything is stopped, in all projects, until somebody says `!lift`.")


@action("house.lift", needs="decide", returns=Sentence, chat="!lift")
def lift(actor: Actor) -> Sentence:
    """Lift the global stop: turns that it interrupted go on where they were.

    For people who are members of the house. Raises Conflict when nothing is stopped.
    """
    member = _member_of_house(actor)
    with project_lock(HOUSE) as lock:
        rows = Project.objects.filter(pk=HOUSE, paused_at__isnull=False)
        if not rows.update(paused_at=None):
            raise Conflict("Nothing is stopped.", code="house.not_stopped")
        in_house = replace(identify.of_member(member, actor.entry), clock=lock.now)
        events.record(in_house, "house.lifted", f"project:{HOUSE}", said_in=actor.project_id)
    return Sentence(text="The stop is lifted; interrupted turns go on.")


def _member_of_house(actor: Actor) -> Member:
    """Give who the actor's person is in the house. A project's owner is nobody there."""
    rows = Member.objects.filter(project_id=HOUSE, user_id=actor.user_id or 0, retired_at=None)
    member = rows.first()
    if member is None or not identify.of_member(member, actor.entry).may(RIGHT):
        raise Forbidden("Only the house's members stop or lift everything.", code="house.closed")
    return member
