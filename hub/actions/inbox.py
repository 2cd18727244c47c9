"""The inbox: what a member has not seen, the nearest first, inside a token budget."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Annotated

from django.db.models import Q
from pydantic import Field

from hub.actor import Actor
from hub.models import Channel, ChannelKind, Decision, Event, Message, Task
from hub.policy.inbox import News, Packed, Reader, pack
from hub.registry import action
from hub.schemas import Done, InboxItem, InboxOut, Number, Skipped
from hub.text import clip

from . import events

DEFAULT_TOKENS = 2_000
MAX_EVENTS = 500
MAX_ITEM_CHARS = 4_000
MAX_TOLD_CHARS = 20_000  # of what applications above tell to the one it is meant for
Teller = Callable[[list[Event], Actor], Mapping[int, str]]
Tokens = Annotated[int, Field(ge=100, le=32_000, description="most tokens the answer may take")]


_tellers: list[Teller] = []


def add_teller(teller: Teller) -> None:
    """Register who has more to tell to a reader about some events: texts by sequence number."""
    _tellers.append(teller)


def reader_name(member_id: int) -> str:
    """Name a member's cursor."""
    return f"inbox:{member_id}"


@action("inbox.read", needs="read", returns=InboxOut, writes=False)
def read(actor: Actor, *, max_tokens: Tokens = DEFAULT_TOKENS) -> InboxOut:
    """Read what is new for you: first what is addressed to you, then your task, then the project.

    Nothing is dropped in silence: `skipped` names what did not fit. Acknowledge with inbox.ack
    once you have read it; until then it is given again.
    """
    return unread(actor, profile(actor), max_tokens)


def unread(actor: Actor, reader: Reader, max_tokens: int = DEFAULT_TOKENS) -> InboxOut:
    """Read what is new for a member, ranked for the reader that the caller knows it to be."""
    after = events.cursor_of(actor.project_id, reader_name(actor.member_id))
    rows = unseen(actor, after)
    upto = rows[-1].seq if rows else after
    packed = pack(reader, news(rows, actor), max_tokens)
    return InboxOut(after=after, upto=upto, items=_items(packed), skipped=_skipped(packed))


def _items(packed: Packed) -> list[InboxItem]:
    return [
        InboxItem(
            seq=item.seq,
            rank=nearness,
            name=item.name,
            actor=item.actor,
            where=item.where,
            text=clip(item.text, MAX_TOLD_CHARS if item.is_told else MAX_ITEM_CHARS),
            facts={key: value for key, value in item.facts.items() if key != "mentions"},
        )
        for nearness, item in packed.items
    ]


def _skipped(packed: Packed) -> list[Skipped]:
    return [
        Skipped(where=where, count=len(seqs), first_seq=min(seqs), last_seq=max(seqs))
        for where, seqs in sorted(packed.left_out.items())
    ]


def unseen(actor: Actor, after: int) -> list[Event]:
    """List the events after a cursor that a member may see and did not cause, oldest first."""
    rows = events.visible(actor).filter(seq__gt=after).exclude(actor_id=actor.member_id)
    return list(rows.select_related("actor", "channel").order_by("seq")[:MAX_EVENTS])


def profile(actor: Actor) -> Reader:
    """Describe whose inbox this is: the tasks they hold or were given, and where they talk."""
    return profiles(actor.project_id, [actor.member_id])[actor.member_id]


def profiles(project_id: int, members: Collection[int]) -> dict[int, Reader]:
    """Describe the inboxes of some members of a project, in two queries however many they are."""
    mine = Task.objects.filter(project_id=project_id).filter(
        Q(holder_id__in=members) | Q(assignee_id__in=members)
    )
    tasks = list(mine.values_list("number", "channel_id", "holder_id", "assignee_id"))
    home = Channel.objects.filter(
        project_id=project_id, kind__in=[ChannelKind.PROJECT, ChannelKind.STANDUP]
    )
    common = frozenset(home.values_list("pk", flat=True))
    return {
        member: Reader(
            member_id=member,
            subjects=frozenset(f"task:{number}" for number, _, *who in tasks if member in who),
            channels=frozenset(place for _, place, *who in tasks if place and member in who),
            home_channels=common,
        )
        for member in members
    }


def news(rows: Iterable[Event], actor: Actor) -> list[News]:
    """Put events into words, with the text of the messages and answers they speak of."""
    rows = list(rows)
    said = _messages(rows, actor)
    answers = _answers(rows, actor)
    told = {seq: text for teller in _tellers for seq, text in teller(rows, actor).items()}
    found = [_news(row, said, answers) for row in rows]
    return [
        replace(one, text=told[one.seq], is_told=True) if one.seq in told else one for one in found
    ]


def _news(row: Event, said: dict[int, Message], answers: dict[int, str]) -> News:
    number = row.facts.get("message", row.seq)
    message = said.get(number)
    text = f"{row.name} {row.subject}"
    if row.name.startswith("message.") and message:
        text = message.refusal if row.name == "message.refused" else message.text
    elif row.name == "decision.answered":
        text = answers.get(int(row.subject.partition(":")[2]), text)
    where = row.channel.name if row.channel else row.subject.partition(":")[0]
    return News(
        seq=row.seq,
        name=row.name,
        actor_id=row.actor_id,
        actor=row.actor.name,
        subject=row.subject,
        channel_id=row.channel_id,
        where=where,
        text=text,
        facts=row.facts,
        is_direct=bool(row.channel and row.channel.kind == ChannelKind.DIRECT),
    )


def _messages(rows: list[Event], actor: Actor) -> dict[int, Message]:
    numbers = [row.facts.get("message", row.seq) for row in rows if row.name.startswith("message.")]
    found = Message.objects.filter(project_id=actor.project_id, seq__in=numbers)
    return {message.seq: message for message in found}


def _answers(rows: list[Event], actor: Actor) -> dict[int, str]:
    numbers = [
        int(row.subject.partition(":")[2]) for row in rows if row.name == "decision.answered"
    ]
    found = Decision.objects.filter(project_id=actor.project_id, number__in=numbers)
    return {row.number: f"Answer to question {row.number}: {row.answer}" for row in found}


@action("inbox.ack", needs="read", returns=Done, writes=False, marks=True)
def ack(actor: Actor, upto: Number) -> Done:
    """Say that you have read your inbox up to a sequence number."""
    last = min(upto, events.upto(actor.project_id))
    events.advance_cursor(actor.project_id, reader_name(actor.member_id), last)
    return Done()
