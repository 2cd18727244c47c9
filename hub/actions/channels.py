"""Channels: where a team talks, and how far each member has read."""

from typing import Annotated, Literal

from django.db import connection
from pydantic import Field

from hub import access, fast
from hub.actor import Actor
from hub.errors import Conflict, Invalid
from hub.models import Channel, ChannelKind, ChannelMember, Member, ReadMark
from hub.registry import action
from hub.schemas import ChannelOut, ChannelRef, Done, MemberName, Number
from hub.text import clip

from . import events

MAX_NAME_BYTES = 64
STANDARD = (
    (ChannelKind.PROJECT, "project", "What people want, and what is decided"),
    (ChannelKind.STANDUP, "standup", "Assignments, hand-overs and completions"),
    (ChannelKind.ERRORS, "errors", "What went wrong and needs an owner"),
    (ChannelKind.LOBBY, "lobby", "Everything else"),
)
PLACE_SQL = (
    "SELECT coalesce((SELECT max(number) FROM hub_channel WHERE project_id = %s), 0),"
    " EXISTS (SELECT 1 FROM hub_channel WHERE project_id = %s AND name = %s)"
)
ChannelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=MAX_NAME_BYTES)]


def make(actor: Actor, kind: ChannelKind, name: str, topic: str) -> Channel:
    """Write a channel's row and its event."""
    with connection.cursor() as cursor:
        cursor.execute(PLACE_SQL, [actor.project_id, actor.project_id, name])
        last, taken = cursor.fetchone()
    if taken:
        raise Conflict(f"There is a channel called {name} already.", code="channel.name_taken")
    number = last + 1
    channel = Channel(
        project_id=actor.project_id,
        number=number,
        kind=kind,
        name=name,
        topic=clip(topic, 300),
        created_at=actor.now,
    )
    fast.insert(channel)
    events.record(actor, "channel.created", f"channel:{number}", channel=channel, kind=kind.value)
    return channel


def of_kind(actor: Actor, kind: ChannelKind) -> Channel:
    """Give the project's one channel of a standard kind."""
    return Channel.objects.get(project_id=actor.project_id, kind=kind)


@action("channel.create", needs="plan", returns=ChannelOut)
def create(
    actor: Actor,
    name: ChannelName,
    *,
    topic: str = "",
    kind: Literal["lobby", "work"] = "lobby",
) -> Channel:
    """Make a channel for the whole project.

    Raises Conflict when the name is taken.
    """
    return make(actor, ChannelKind(kind), name, topic)


@action("channel.direct", needs="talk", returns=ChannelOut)
def direct(actor: Actor, member: MemberName) -> Channel:
    """Open the private conversation with one member, or give the one there is."""
    mine, other = access.me(actor), access.get_live_member(actor, member)
    if mine == other:
        raise Invalid("A private conversation needs somebody else.", code="channel.alone")
    first, second = sorted((mine, other), key=lambda row: row.pk)
    name = f"direct-{first.pk}-{second.pk}"
    found = Channel.objects.filter(project_id=actor.project_id, name=name).first()
    if found:
        return found
    channel = make(actor, ChannelKind.DIRECT, name, f"{first.name} and {second.name}")
    ChannelMember.objects.bulk_create(
        ChannelMember(channel=channel, member=member) for member in (first, second)
    )
    return channel


def let_read(giver: Member, reader: Member) -> None:
    """Let a member read on in another's private conversations: a successor, and nobody else."""
    mine = ChannelMember.objects.filter(member=giver).values_list("channel_id", flat=True)
    for channel_id in mine:
        ChannelMember.objects.get_or_create(channel_id=channel_id, member=reader)


def archive(actor: Actor, channel: Channel) -> None:
    """Close a channel for new messages; what was said stays."""
    Channel.objects.filter(pk=channel.pk, archived_at=None).update(archived_at=actor.now)
    channel.archived_at = actor.now
    events.record(actor, "channel.archived", f"channel:{channel.number}", channel=channel)


@action("channel.list", needs="read", returns=list[ChannelOut], writes=False)
def listing(actor: Actor, *, archived: bool = False) -> list[Channel]:
    """List the channels you can read, by number."""
    rows = access.visible_channels(actor).order_by("number")
    return list(rows if archived else rows.filter(archived_at=None))


@action("channel.mark_read", needs="read", returns=Done, writes=False, marks=True)
def mark_read(actor: Actor, channel: ChannelRef, upto: Number) -> Done:
    """Remember that you have read a channel up to a message number."""
    row = access.get_channel(actor, channel)
    upto = min(upto, events.upto(actor.project_id))
    marks = ReadMark.objects.filter(channel=row, member_id=actor.member_id)
    if not marks.filter(seq__lt=upto).update(seq=upto):
        ReadMark.objects.get_or_create(
            channel=row, member_id=actor.member_id, defaults={"seq": upto}
        )
    return Done()
