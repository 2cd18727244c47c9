"""Messages: taken in once, shown, changed by their author, and their commands handled."""

from dataclasses import replace
from typing import Annotated

from django.db.models.functions import Lower
from pydantic import Field

from hub import access, fast, faults, identify
from hub.actor import Actor
from hub.errors import Conflict
from hub.markdown import RichText
from hub.models import Channel, Member, Message, Reaction
from hub.models.projects import after_commit, project_lock
from hub.protocol import parse
from hub.registry import action
from hub.schemas import After, ChannelRef, Done, Limit, MessageOut, Number

from . import commands, events

MAX_REACTIONS = 20
# Where the author sees at the message why a command in it was refused; elsewhere it is answered.
SHOWS_REFUSALS = frozenset({"api", "cli", "hub", "job", "mcp", "page", "session", "test", "web"})
Emoji = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^\S+$")]


@action("message.post", needs="talk", returns=MessageOut)
def post(
    actor: Actor, channel: ChannelRef, text: RichText, *, reply_to: Number | None = None
) -> Message:
    """Say something in a channel, in Markdown.

    `@Name` addresses a member, `reply_to` answers a message. Lines that are commands (`!help`,
    `TASK: …`, `CLAIM task=12`) are carried out after the message is stored.
    Raises Conflict for an archived channel, Invalid for a text that is too long or too deep.
    """
    row = access.get_channel(actor, channel)
    answered = access.get_message(actor, reply_to) if reply_to else None
    return take_in(actor, row, text, reply_to=answered)


def take_in(
    actor: Actor,
    channel: Channel,
    text: RichText,
    *,
    reply_to: Message | None = None,
    external_id: str | None = None,
    obey: bool = True,
) -> Message:
    """Store a message once, under the lock; its commands are handled after the commit.

    With `obey` off no line of it is a command: it is text that another action says.

    `actor.entry` is the origin; with `external_id` the pair is taken in only the first time.
    """
    if external_id is not None:
        seen = Message.objects.filter(
            project_id=actor.project_id, origin=actor.entry, external_id=external_id
        ).first()
        if seen:
            return seen
    if channel.archived_at is not None:
        raise Conflict(f"{channel.name} is archived; talk elsewhere.", code="channel.archived")
    parsed = parse(text.text)
    busy = obey and actor.entry != "hub" and bool(parsed.commands or parsed.hints)
    addressed = _addressed(actor, text, reply_to)
    event = events.record(
        actor,
        "message.posted",
        f"channel:{channel.number}",
        channel=channel,
        **({"mentions": addressed} if addressed else {}),
        **({"reply_to": reply_to.seq} if reply_to else {}),
    )
    message = Message(
        project_id=actor.project_id,
        channel=channel,
        author=access.me(actor),
        seq=event.seq,
        text=text.text,
        html=text.html,
        reply_to=reply_to,
        origin=actor.entry,
        external_id=external_id,
        scopes=sorted(actor.capabilities) if busy else [],
        posted_at=actor.now,
        handled_at=None if busy else actor.now,
    )
    fast.insert(message)
    if busy:
        after_commit(lambda: handle(message.pk))
    return message


def handle(pk: int) -> None:
    """Carry out the commands of a stored message, each in a savepoint, once.

    A refused one leaves the message and is answered in words; a crash leaves `handled_at` empty
    and the sweep calls this again, with the same keys.
    """
    faults.passed("message.taken")
    project_id = Message.objects.values_list("project_id", flat=True).get(pk=pk)
    with project_lock(project_id) as lock:
        message = Message.objects.select_related("author", "channel").get(pk=pk)
        if message.handled_at is not None:
            return
        actor = identify.of_member(message.author, message.origin, f"message:{message.seq}")
        scoped = actor.capabilities & frozenset(message.scopes)
        outcome = commands.carry_out(replace(actor, capabilities=scoped), message)
        faults.passed("message.handled")
        _close(replace(actor, clock=lock.now), message, outcome)
    faults.passed("message.closed")


def _close(actor: Actor, message: Message, outcome: commands.Outcome) -> None:
    Message.objects.filter(pk=message.pk).update(handled_at=actor.now, refusal=outcome.refusal)
    hub = replace(identify.of_hub(actor.project_id, "hub"), clock=actor.now, cause=actor.cause)
    if outcome.refusal:
        events.record(
            hub,
            "message.refused",
            f"channel:{message.channel.number}",
            channel=message.channel,
            message=message.seq,
            mentions=[message.author_id],
        )
    unseen = outcome.refusal if message.origin not in SHOWS_REFUSALS else ""
    words = "\n\n".join(filter(None, (outcome.reply, unseen)))
    if words and message.channel.archived_at is None:
        take_in(hub, message.channel, RichText.of(words), reply_to=message)


def _addressed(actor: Actor, text: RichText, reply_to: Message | None) -> list[int]:
    names = text.mentions
    found: set[int] = set()
    if names:
        rows = Member.objects.filter(project_id=actor.project_id, retired_at=None)
        named = rows.alias(lower=Lower("name")).filter(lower__in=[name.lower() for name in names])
        found.update(named.values_list("pk", flat=True))
    if reply_to is not None:
        found.add(reply_to.author_id)
    return sorted(found - {actor.member_id})


@action("message.edit", needs="talk", returns=MessageOut)
def edit(actor: Actor, message: Number, text: RichText) -> Message:
    """Change your own message; the edit is marked. Commands in it are not carried out again."""
    row = _own(actor, message)
    changes = {"text": text.text, "html": text.html, "edited_at": actor.now}
    Message.objects.filter(pk=row.pk).update(**changes)
    for column, value in changes.items():
        setattr(row, column, value)
    _changed(actor, "message.edited", row)
    return row


@action("message.delete", needs="talk", returns=MessageOut)
def delete(actor: Actor, message: Number) -> Message:
    """Take your own message back: its text is removed, its place stays."""
    row = _own(actor, message)
    changes = {"text": "", "html": "", "deleted_at": actor.now}
    Message.objects.filter(pk=row.pk).update(**changes)
    for column, value in changes.items():
        setattr(row, column, value)
    _changed(actor, "message.deleted", row)
    return row


@action("message.react", needs="talk", returns=Done)
def react(actor: Actor, message: Number, emoji: Emoji) -> Done:
    """React to a message; the same reaction again takes it back.

    Raises Conflict past 20 different reactions on one message.
    """
    row = access.get_message(actor, message)
    mine = Reaction.objects.filter(message=row, member_id=actor.member_id, emoji=emoji)
    removed, _ = mine.delete()
    if not removed:
        kinds = row.reactions.values("emoji").distinct()
        if kinds.exclude(emoji=emoji).count() >= MAX_REACTIONS:
            raise Conflict(
                f"A message carries at most {MAX_REACTIONS} different reactions.",
                code="reaction.too_many",
            )
        Reaction.objects.create(message=row, member_id=actor.member_id, emoji=emoji)
    _changed(actor, "message.reacted", row, emoji=emoji, taken_back=bool(removed))
    return Done()


@action("message.list", needs="read", returns=list[MessageOut], writes=False)
def listing(
    actor: Actor,
    channel: ChannelRef,
    *,
    after: After = 0,
    before: Number | None = None,
    limit: Limit = 50,
) -> list[Message]:
    """Read a channel's messages, oldest first: the last ones, or those around a number."""
    row = access.get_channel(actor, channel)
    rows = Message.objects.filter(channel=row).select_related("author", "channel", "reply_to")
    if after:
        return list(rows.filter(seq__gt=after).order_by("seq")[:limit])
    if before:
        rows = rows.filter(seq__lt=before)
    return list(rows.order_by("-seq")[:limit])[::-1]


def _own(actor: Actor, number: int) -> Message:
    row = access.get_message(actor, number)
    access.refuse_unless(
        ok=row.author_id == actor.member_id,
        words="Only its author may change a message.",
        code="message.not_yours",
    )
    if row.deleted_at is not None:
        raise Conflict("This message was taken back.", code="message.deleted")
    return row


def _changed(actor: Actor, name: str, row: Message, **facts: object) -> None:
    subject = f"channel:{row.channel.number}"
    facts |= {"message": row.seq, "origin": actor.entry}  # a network is not told what it told us
    events.record(actor, name, subject, channel=row.channel, **facts)
