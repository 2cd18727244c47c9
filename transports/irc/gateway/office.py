"""What the gateway asks of the hub: plain functions that run in threads, never in the loop."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from hub import access, identify, registry
from hub.actor import Actor
from hub.errors import Forbidden, HubError, NotFound
from hub.models import (
    Channel,
    ChannelKind,
    ChannelMember,
    Event,
    Member,
    MemberKind,
    Message,
)
from hub.policy.roles import capabilities_of

ENTRY = "irc"
MAX_NEWS = 500

SAID = {"message.posted", "message.edited", "message.deleted", "message.reacted"}
KEYS = {"member.retired", "token.revoked"}  # events after which somebody may have to leave


@dataclass(frozen=True, slots=True)
class Entry:
    """Who came in, and where."""

    actor: Actor
    nick: str
    slug: str
    project: str


@dataclass(frozen=True, slots=True)
class Person:
    """A member as a client sees it."""

    nick: str
    role: str
    is_bot: bool
    is_operator: bool
    away: str

    @property
    def prefix(self) -> str:
        """Give the sign before the nick in a list of names: @ runs the project, + is an agent."""
        return "@" if self.is_operator else "+" if self.is_bot else ""


@dataclass(frozen=True, slots=True)
class Room:
    """A channel as a client sees it."""

    number: int
    name: str
    topic: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message, or what became of it; `between` holds the nicks of a private conversation."""

    seq: int
    what: str
    at: datetime
    nick: str
    is_bot: bool
    room: str
    between: tuple[str, ...]
    text: str
    url: str
    message: int
    reply_to: int | None
    emoji: str = ""


@dataclass(frozen=True, slots=True)
class Turned:
    """Somebody came or left, a channel closed, or keys changed: `what` is the event's name."""

    seq: int
    what: str
    nick: str = ""
    role: str = ""
    room: str = ""


def enter(token: str) -> Entry:
    """Let the holder of a token in. Raises Forbidden."""
    actor = identify.of_token(token, ENTRY)
    member = Member.objects.select_related("project").get(pk=actor.member_id)
    if member.project.archived_at is not None or not actor.may("read"):
        raise Forbidden("This token opens no project that is open.", code="entry.closed")
    return Entry(actor, member.name, member.project.slug, member.project.name)


def end_of(project_id: int) -> int:
    """Give the number of the log's last event."""
    last = Event.objects.filter(project_id=project_id).order_by("-seq").values_list("seq")
    return next((seq for (seq,) in last[:1]), 0)


def people(actor: Actor) -> list[Person]:
    """List who takes part, by name."""
    rows = Member.objects.filter(project_id=actor.project_id, retired_at=None)
    return [_person(row) for row in rows.select_related("presence").order_by("name")]


def _person(row: Member) -> Person:
    presence = getattr(row, "presence", None)
    state = presence.state if presence else "away"
    away = (presence.note if presence else "") or state
    is_here = row.kind != MemberKind.PERSON or state == "here"
    return Person(
        nick=row.name,
        role=row.role,
        is_bot=row.kind != MemberKind.PERSON,
        is_operator="manage" in capabilities_of(row.role),
        away="" if is_here else away,
    )


def rooms(actor: Actor) -> list[Room]:
    """List the open channels of the project, without private conversations."""
    rows = access.visible_channels(actor).exclude(kind=ChannelKind.DIRECT)
    return [_room(row) for row in rows.filter(archived_at=None).order_by("number")]


def room(actor: Actor, name: str) -> Room:
    """Give an open channel by its name with #. Raises NotFound."""
    row = access.get_channel(actor, name)
    if row.archived_at is not None or row.kind == ChannelKind.DIRECT:
        raise NotFound(f"There is no open channel {name} here.", code="channel.unknown")
    return _room(row)


def _room(row: Channel) -> Room:
    return Room(row.number, f"#{row.name}", row.topic, row.created_at)


def channel_of(actor: Actor, target: str, *, make: bool = False) -> Channel:
    """Give the channel, or the private conversation, that a client means by a name."""
    if target.startswith("#"):
        return access.get_channel(actor, target)
    if make:
        made = registry.call(actor, "channel.direct", {"member": target})
        return access.get_channel(actor, made["number"])
    pair = sorted([actor.member_id, access.get_member(actor, target).pk])
    return access.get_channel(actor, f"direct-{pair[0]}-{pair[1]}")


def post(token: str, target: str, text: str, *, reply_to: int | None, key: str) -> int:
    """Say something in a channel or to a member; gives the message's number.

    The token is looked at anew each time: one that was revoked says nothing more.
    """
    actor = identify.of_token(token, ENTRY)
    row = channel_of(actor, target, make=True)
    payload: dict[str, Any] = {"channel": row.number, "text": text}
    if reply_to is not None:
        payload["reply_to"] = reply_to
    number: int = registry.call(actor, "message.post", payload, key)["number"]
    return number


def react(token: str, message: int, emoji: str, *, take_back: bool) -> None:
    """Add a reaction of one's own or take it back; what is so already stays."""
    actor = identify.of_token(token, ENTRY)
    row = access.get_message(actor, message)
    is_there = row.reactions.filter(member_id=actor.member_id, emoji=emoji).exists()
    if is_there == take_back:
        registry.call(actor, "message.react", {"message": message, "emoji": emoji})


def be(token: str, state: str, note: str = "") -> None:
    """Show the team whether somebody is here."""
    try:
        actor = identify.of_token(token, ENTRY)
        registry.call(actor, "presence.set", {"state": state, "note": note})
    except HubError:
        return  # the token is over: there is nobody to show


def news(project_id: int, after: int) -> list[Said | Turned]:
    """Read what a client may want to see of the log after a number, at most 500 events."""
    rows = Event.objects.filter(project_id=project_id, seq__gt=after).order_by("seq")
    events = list(rows.select_related("actor", "channel")[:MAX_NEWS])
    numbers = [event.facts.get("message", event.seq) for event in events if event.name in SAID]
    found = {row.message: row for row in said_of(messages_of(project_id).filter(seq__in=numbers))}
    return [_of_event(event, found) for event in events]


def _of_event(event: Event, found: dict[int, Said]) -> Said | Turned:
    message = found.get(event.facts.get("message", event.seq)) if event.name in SAID else None
    if message is None:
        nick, role = event.facts.get("name", ""), event.facts.get("role", "")
        where = f"#{event.channel.name}" if event.channel else ""
        return Turned(event.seq, event.name, nick, role, where)
    what = event.name.rpartition(".")[2]
    if what == "posted":
        return replace(message, seq=event.seq)
    emoji = event.facts.get("emoji", "")
    return replace(
        message,
        seq=event.seq,
        what="unreacted" if event.facts.get("taken_back") else what,
        at=event.at,
        nick=event.actor.name,
        is_bot=event.actor.kind != MemberKind.PERSON,
        emoji=emoji,
    )


def messages_of(project_id: int) -> QuerySet[Message]:
    """Select messages with all that a client is told of them."""
    rows = Message.objects.filter(project_id=project_id)
    return rows.select_related("author", "channel", "reply_to", "project")


def said_of(rows: Iterable[Message]) -> list[Said]:
    """Make of messages what clients are told."""
    found = list(rows)
    private = {row.channel_id for row in found if row.channel.kind == ChannelKind.DIRECT}
    between: dict[int, list[str]] = {}
    pairs = ChannelMember.objects.filter(channel_id__in=private).order_by("pk")
    for channel_id, name in pairs.values_list("channel_id", "member__name") if private else ():
        between.setdefault(channel_id, []).append(name)
    return [
        Said(
            seq=row.seq,
            what="posted",
            at=row.posted_at,
            nick=row.author.name,
            is_bot=row.author.kind != MemberKind.PERSON,
            room="" if row.channel_id in private else f"#{row.channel.name}",
            between=tuple(between.get(row.channel_id, ())),
            text=row.text,
            url=_url(row),
            message=row.seq,
            reply_to=row.reply_to_number,
        )
        for row in found
    ]


def _url(row: Message) -> str:
    place = reverse("message", kwargs={"slug": row.project.slug, "number": row.seq})
    return settings.PARLEY_PUBLIC_URL.rstrip("/") + place
