"""Writing the log, and reading it with a cursor. Every other action ends here."""

from dataclasses import dataclass
from typing import Any

from hub import access
from hub.actor import Actor
from hub.models import Cursor, Event, ProjectClock
from hub.models.channels import Channel, ChannelKind
from hub.models.events import canonical, chain
from hub.models.projects import held, is_held
from hub.registry import action
from hub.schemas import After, EventOut, Limit


def record(
    actor: Actor, name: str, subject: str, /, *, channel: Channel | None = None, **facts: Any
) -> Event:
    """Append one event to the project's log, under the lock that the caller holds.

    `subject` is a kind and a number ("task:12"). Facts are ids, digests and small values, never
    message bodies. An event with a channel is seen only by those who may read the channel.
    """
    lock = held(actor.project_id)
    event = Event(
        project_id=actor.project_id,
        seq=lock.seq + 1,
        at=lock.now,
        name=name,
        actor_id=actor.member_id,
        run_id=actor.run_id,
        channel_id=channel.pk if channel else None,
        subject=subject,
        cause=actor.cause,
        body=canonical(facts),
    )
    event.hash = chain(lock.head_hash, event)
    lock.write(event)
    lock.seq, lock.head_hash = event.seq, event.hash
    return event


def visible(actor: Actor) -> Any:
    """Select the events the actor may see: all but those of other people's direct channels."""
    if is_held(actor.project_id):
        held(actor.project_id).flush()
    hidden = (
        Channel.objects.filter(project_id=actor.project_id, kind=ChannelKind.DIRECT)
        .exclude(pk__in=access.visible_channels(actor).values("pk"))
        .values("pk")
    )
    return Event.objects.filter(project_id=actor.project_id).exclude(channel_id__in=hidden)


@dataclass(frozen=True, slots=True)
class BadRow:
    """The first row at which a project's log stops being whole, and why."""

    project_id: int
    seq: int
    reason: str


def verify(project_id: int) -> BadRow | None:
    """Read a project's whole log and check that it has no hole and that the chain holds.

    Its end must be where the project's clock says, so that a missing tail is seen too.
    """
    clock = ProjectClock.objects.get(project_id=project_id)
    previous, expected = "", 1
    rows = Event.objects.filter(project_id=project_id, seq__lte=clock.seq).order_by("seq")
    for event in rows.iterator(2_000):
        if event.seq != expected:
            return BadRow(project_id, expected, f"missing; the next one is {event.seq}")
        if event.hash != chain(previous, event):
            return BadRow(project_id, event.seq, "does not match its hash")
        previous, expected = event.hash, expected + 1
    if (clock.seq, clock.head_hash) != (expected - 1, previous):
        return BadRow(project_id, expected, f"missing; the log ends at {clock.seq}")
    return None


@action("log.read", needs="read", returns=list[EventOut], writes=False)
def read(actor: Actor, *, after: After = 0, limit: Limit = 50, subject: str = "") -> list[Event]:
    """Read the project's log, oldest first, after a sequence number.

    `subject` keeps one thing's events ("task:12").
    """
    rows = visible(actor).filter(seq__gt=after).select_related("actor").order_by("seq")
    if subject:
        rows = rows.filter(subject=subject)
    return list(rows[:limit])


def cursor_of(project_id: int, reader: str) -> int:
    """Give how far a named reader has read; 0 for a new one."""
    row = Cursor.objects.filter(project_id=project_id, reader=reader).first()
    return row.seq if row else 0


def advance_cursor(project_id: int, reader: str, seq: int) -> None:
    """Move a reader's cursor forward, never back: a guarded update, no event."""
    moved = Cursor.objects.filter(project_id=project_id, reader=reader, seq__lt=seq).update(seq=seq)
    if not moved:
        Cursor.objects.get_or_create(project_id=project_id, reader=reader, defaults={"seq": seq})


def upto(project_id: int) -> int:
    """Give the last sequence number of a project's log."""
    row = Event.objects.filter(project_id=project_id).order_by("-seq").values_list("seq", flat=True)
    return row.first() or 0
