"""What was said before, and how far it was read: plain functions that run in threads."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Max

from hub import access, registry
from hub.actor import Actor
from hub.models import ChannelKind, Member, Message, ReadMark

from .office import Said, channel_of, messages_of, said_of


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a piece of history: a message's number, a moment, or nothing (`*`)."""

    seq: int | None = None
    at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it bounds nothing."""
        return self.seq is None and self.at is None

    def side(self, way: str) -> dict[str, object]:
        """Make the filter for what lies on one side, `lt` or `gt`."""
        if self.seq is not None:
            return {f"seq__{way}": self.seq}
        return {f"posted_at__{way}": self.at} if self.at is not None else {}


def history(
    actor: Actor, target: str, after: Bound, before: Bound, limit: int, *, newest: bool
) -> list[Said]:
    """Read at most `limit` messages between two ends, oldest first: the first or last of them."""
    rows = messages_of(actor.project_id).filter(channel=channel_of(actor, target), deleted_at=None)
    rows = rows.filter(**after.side("gt")).filter(**before.side("lt"))
    if newest:
        return said_of(reversed(rows.order_by("-seq")[:limit]))
    return said_of(rows.order_by("seq")[:limit])


def targets(actor: Actor, after: Bound, before: Bound, limit: int) -> list[tuple[str, datetime]]:
    """List conversations by their last message, oldest first."""
    rows = access.visible_channels(actor).alias(last=Max("messages__posted_at"))
    rows = rows.annotate(at=F("last")).exclude(at=None).order_by("at")
    if after.at:
        rows = rows.filter(at__gt=after.at)
    if before.at:
        rows = rows.filter(at__lt=before.at)
    me = Member.objects.get(pk=actor.member_id).name
    found = []
    for row in rows[:limit]:
        others = row.participants.exclude(member__name=me).values_list("member__name", flat=True)
        name = others.first() if row.kind == ChannelKind.DIRECT else f"#{row.name}"
        if name:
            found.append((name, row.at))
    return found


def mark_read(actor: Actor, target: str, upto: datetime) -> datetime | None:
    """Remember how far somebody read; gives the moment of the last message that counts as read."""
    row = channel_of(actor, target)
    last = Message.objects.filter(channel=row, posted_at__lte=upto).order_by("-seq").first()
    if last:
        registry.call(actor, "channel.mark_read", {"channel": row.number, "upto": last.seq})
    return read_upto(actor, target)


def read_upto(actor: Actor, target: str) -> datetime | None:
    """Give the moment of the last message that somebody read in a channel."""
    row = channel_of(actor, target)
    mark = ReadMark.objects.filter(channel=row, member_id=actor.member_id).first()
    rows = Message.objects.filter(channel=row, seq__lte=mark.seq if mark else 0)
    return rows.order_by("-seq").values_list("posted_at", flat=True).first()
