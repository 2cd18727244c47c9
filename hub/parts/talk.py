"""Messages as a channel shows them: grouped, with reactions, threads and the question asked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from hub.models import Channel, ChannelKind, Decision, Event, Message, Project, Reaction
from hub.protocol import describe, parse

from . import live

GROUP_WITHIN = timedelta(minutes=5)
OFFERED = ("👍", "✅", "👀", "🎉", "❤️", "👎")
ICONS = {
    "CLAIM": "hand",
    "ACCEPT": "hand",
    "COMPLETED": "circle-check",
    "BLOCKED": "link",
    "TASK:": "list-checks",
    "YIELD": "rotate-ccw",
}
QUIET_ORIGINS = {"web", "page", "api", "mcp", "cli", "hub", "job", "turn", "session"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """One emoji on a message: how many, and who."""

    emoji: str
    count: int
    names: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A protocol line in words that follow its author's name."""

    words: str
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message ready to be shown. `follows` joins it to the one above it.

    `acts` says in words what a message of nothing but commands means.
    """

    message: Message
    follows: bool
    acts: list[Act]
    reactions: list[Reacted]
    replies: int
    card: Decision | None
    network: str
    rehearsal: bool
    offers: tuple[str, ...] = OFFERED


def rows() -> QuerySet[Message]:
    """Select messages with all that their part shows, in a fixed number of queries."""
    reactions = Reaction.objects.select_related("member").order_by("pk")
    related = ("author", "channel", "reply_to__author")
    cards = ("decision__asker", "decision__answered_by", "decision__task")
    return (
        Message.objects.select_related(*related, *cards)
        .prefetch_related(Prefetch("reactions", reactions))
        .annotate(reply_count=Count("replies", filter=Q(replies__deleted_at=None)))
    )


def said(messages: Iterable[Message], project: Project, before: Message | None) -> list[Said]:
    """Make messages ready, oldest first; `before` is the one above the first."""
    found = []
    for message in messages:
        found.append(_one(message, project, follows=_follows(message, before)))
        before = message
    return found


def _follows(message: Message, before: Message | None) -> bool:
    return (
        before is not None
        and message.reply_to_id is None
        and before.author_id == message.author_id
        and message.posted_at - before.posted_at < GROUP_WITHIN
    )


def _one(message: Any, project: Project, *, follows: bool) -> Said:
    return Said(
        message=message,
        follows=follows,
        acts=_acts(message) if message.scopes else [],
        reactions=_reactions(message),
        replies=message.reply_count,
        card=getattr(message, "decision", None),
        network="" if message.origin in QUIET_ORIGINS else message.origin,
        rehearsal=message.author.kind == "agent" and project.provider == "rehearsal",
    )


def _acts(message: Message) -> list[Act]:
    commands = parse(message.text).commands
    meant = sum(command.raw.count("\n") + 1 for command in commands)
    if meant < sum(1 for line in message.text.splitlines() if line.strip()):
        return []
    return [
        Act(words=describe(command), icon=ICONS.get(command.verb, "terminal"))
        for command in commands
    ]


def _reactions(message: Message) -> list[Reacted]:
    names: dict[str, list[str]] = defaultdict(list)
    for reaction in message.reactions.all():
        names[reaction.emoji].append(reaction.member.name)
    return [
        Reacted(emoji=emoji, count=len(who), names=", ".join(who)) for emoji, who in names.items()
    ]


def load(project: Project, seq: int) -> Said:
    """Load one message as it stands in its channel."""
    message = rows().get(project=project, seq=seq)
    above = Message.objects.filter(channel=message.channel, seq__lt=seq).order_by("-seq").first()
    return said([message], project, above)[0]


@live.on("message.posted")
def _posted(event: Event) -> Iterator[live.Part]:
    channel = _channel(event)
    shown = load(event.project, event.seq)
    context = {"said": shown, "project": event.project, "channel": channel}
    yield live.part([f"channel:{channel.number}"], "hub/_message_live.html", context)
    if shown.message.reply_to:
        root = shown.message.reply_to.seq
        yield live.part([f"thread:{root}"], "hub/_reply_live.html", {**context, "root": root})
        yield from _again(event.project, root, channel)
    context = {"number": channel.number, "unread": True, "author": event.actor_id}
    yield live.part(_watchers(channel), "hub/_unread.html", context)


@live.on("message.edited", "message.deleted", "message.reacted")
def _changed(event: Event) -> Iterator[live.Part]:
    yield from _again(event.project, event.facts["message"], _channel(event))


def _again(project: Project, seq: int, channel: Channel) -> Iterator[live.Part]:
    context: dict[str, Any] = {"said": load(project, seq), "project": project, "channel": channel}
    root = context["said"].message.reply_to
    topics = [f"channel:{channel.number}", f"thread:{root.seq if root else seq}"]
    yield live.part(topics, "hub/_message.html", context)


@live.on("channel.created", "channel.archived")
def _rooms_changed(event: Event) -> Iterator[live.Part]:
    channel = _channel(event)
    context = {"row": channel, "project": event.project}
    yield live.part(_watchers(channel), "hub/_rail_channel_live.html", context)


def _watchers(channel: Channel) -> list[str]:
    if channel.kind != ChannelKind.DIRECT:
        return ["project"]
    return [f"member:{pk}" for pk in channel.participants.values_list("member_id", flat=True)]


def _channel(event: Event) -> Channel:
    assert event.channel is not None, "a message's event names its channel"
    return event.channel
