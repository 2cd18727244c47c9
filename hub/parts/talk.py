"""Messages as a channel shows them: grouped, with reactions, threads and the question asked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from hub.models import Channel, ChannelKind, Decision, Event, Message, Project, Reaction

from . import live

GROUP_WITHIN = timedelta(minutes=5)
OFFERED = ("👍", "✅", "👀", "🎉", "❤️", "👎")
QUIET_ORIGINS = {"web", "page", "api", "mcp", "cli", "hub", "job", "turn", "session"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """One emoji on a message: how many, and who."""

    emoji: str
    count: int
    names: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message ready to be shown. `follows` joins it to the one above it."""

    message: Message
    follows: bool
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
        reactions=_reactions(message),
        replies=message.reply_count,
        card=getattr(message, "decision", None),
        network="" if message.origin in QUIET_ORIGINS else message.origin,
        rehearsal=message.author.kind == "agent" and project.provider == "rehearsal",
    )


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
        yield from _thread(event.project, shown.message.reply_to.seq, channel)
    context = {"number": channel.number, "unread": True, "author": event.actor_id}
    yield live.part(_watchers(channel), "hub/_unread.html", context)


@live.on("message.edited", "message.deleted", "message.reacted")
def _changed(event: Event) -> Iterator[live.Part]:
    yield from _again(event.project, event.facts["message"], _channel(event))


def _again(project: Project, seq: int, channel: Channel) -> Iterator[live.Part]:
    context = {"said": load(project, seq), "project": project, "channel": channel}
    yield live.part([f"channel:{channel.number}"], "hub/_message.html", context)


def _thread(project: Project, root: int, channel: Channel) -> Iterator[live.Part]:
    """Count the replies of a thread's first message again."""
    yield from _again(project, root, channel)


def _watchers(channel: Channel) -> list[str]:
    if channel.kind != ChannelKind.DIRECT:
        return ["project"]
    return [f"member:{pk}" for pk in channel.participants.values_list("member_id", flat=True)]


def _channel(event: Event) -> Channel:
    assert event.channel is not None, "a message's event names its channel"
    return event.channel
