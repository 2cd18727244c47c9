"""Questions to agents that are gone: asked in a channel, answered there from what they knew."""

import re
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from agents.models import ASIDE_STATES, Aside, AsideState, Handoff, Session
from agents.schemas import AsideOut
from hub import access, identify
from hub.actions import channels, events, messages
from hub.actor import Actor
from hub.errors import Conflict, Invalid, NotFound
from hub.markdown import RichText
from hub.models import Channel, ChannelKind, Member, MemberKind, Message
from hub.registry import action
from hub.schemas import ChannelRef, Done, MemberName, Paragraph
from hub.text import clip, mask

from .successors import link

MAX_OPEN = 5
MAX_QUESTION_CHARS = 2_000
MAX_ANSWER_CHARS = 4_000
CAUSE = re.compile(r"message:([0-9]+)")
AsideId = Annotated[int, Field(gt=0)]
Attempt = Annotated[int, Field(ge=0)]


@action("session.ask", needs="work", returns=AsideOut, chat="!ask")
def ask(
    actor: Actor, agent: MemberName, question: Paragraph, *, channel: ChannelRef | None = None
) -> Aside:
    """Ask an agent that is gone something about its work; it answers once, from memory.

    The answer comes into the channel where the question was asked. Raises Conflict for an agent
    that is at work, for one that a script played, and while five questions wait.
    """
    if not 3 <= len(question) <= MAX_QUESTION_CHARS:
        raise Invalid(f"A question has 3 to {MAX_QUESTION_CHARS} characters.", code="aside.length")
    session = _gone(access.get_member(actor, agent))
    asked_in = _asked_in(actor)
    where = access.get_channel(actor, channel) if channel else None
    where = where or (asked_in.channel if asked_in else _home(actor))
    if where.archived_at is not None:
        raise Conflict(f"{where.name} is archived; ask elsewhere.", code="channel.archived")
    waiting = Aside.objects.filter(project_id=actor.project_id, state=AsideState.ASKED)
    if waiting.count() >= MAX_OPEN:
        raise Conflict(f"{MAX_OPEN} questions wait already; ask later.", code="aside.too_many")
    row = Aside.objects.create(
        project_id=actor.project_id,
        session=session,
        asker_id=actor.member_id,
        channel=where,
        message=asked_in if asked_in and asked_in.channel_id == where.pk else None,
        question=mask(question),
        asked_at=actor.now,
    )
    events.record(actor, "session.asked", f"session:{session.number}", channel=where, aside=row.pk)
    return row


def _gone(member: Member) -> Session:
    """Give the last session of an agent that is no more, and that was no rehearsal."""
    if member.kind != MemberKind.AGENT:
        raise Invalid(f"{member.name} is no agent; write to them.", code="session.no_agent")
    if member.retired_at is None:
        raise Conflict(
            f"{member.name} is at work: say @{member.name} in a channel.", code="session.live"
        )
    session = Session.objects.filter(member=member).select_related("member").last()
    if session is None or not session.turns.exists():
        raise Conflict(f"{member.name} never took a turn.", code="session.not_begun")
    if session.is_rehearsal:
        handoff = Handoff.objects.filter(predecessor=session).select_related("project").last()
        read = f" Read the hand-off: {link(handoff)}" if handoff else ""
        raise Conflict(
            f"{member.name} was played by a script and remembers nothing.{read}",
            code="session.rehearsal",
        )
    return session


def _asked_in(actor: Actor) -> Message | None:
    """Find the message that the question is a line of."""
    found = CAUSE.fullmatch(actor.cause)
    try:
        return access.get_message(actor, int(found[1])) if found else None
    except NotFound:
        return None


def _home(actor: Actor) -> Channel:
    return channels.of_kind(actor, ChannelKind.PROJECT)


@action("aside.answer", needs="hub", returns=Done)
def answer(
    actor: Actor,
    aside: AsideId,
    *,
    attempt: Attempt,
    text: str,
    model: str = "",
    usage: dict[str, Annotated[int, Field(ge=0)]] = {},  # noqa: B006 - pydantic copies
) -> Done:
    """Post, in its name, what an agent that is gone answered."""
    row = _claimed(actor, aside, attempt)
    text = clip(mask(text), MAX_ANSWER_CHARS)
    known: dict[str, Any] = {name: count for name, count in usage.items() if hasattr(row, name)}
    model = clip(model, 80)
    _close(actor, row, AsideState.ANSWERED, answer=text, model=model, **known)
    name = row.session.member.name
    head = f"*{name}, who is retired, answers from the memory of session {row.session.number}:*"
    said = _text(f"{head}\n\n{text}", f"{head} (an answer that no channel takes)")
    speaker = identify.of_member(row.session.member, "session").at(actor.now)
    messages.take_in(speaker, row.channel, said, reply_to=row.message, obey=False)
    return Done()


@action("aside.fail", needs="hub", returns=Done)
def fail(actor: Actor, aside: AsideId, reason: str, *, attempt: Attempt) -> Done:
    """Say that an agent that is gone cannot answer, and why."""
    row = _claimed(actor, aside, attempt)
    reason = clip(mask(reason), 500)
    _close(actor, row, AsideState.FAILED, answer=reason)
    name = row.session.member.name
    said = _text(f"{name} cannot answer any more: {reason}", f"{name} cannot answer any more.")
    hub = replace(identify.of_hub(actor.project_id, "hub"), clock=actor.now)
    messages.take_in(hub, row.channel, said, reply_to=row.message, obey=False)
    return Done()


def _claimed(actor: Actor, aside: int, attempt: int) -> Aside:
    rows = Aside.objects.filter(pk=aside, project_id=actor.project_id)
    row = rows.select_related("session__member", "channel", "message").first()
    if row is None:
        raise NotFound("There is no such question.", code="aside.unknown")
    if row.attempt != attempt:
        raise Conflict("Another job answers this question now.", code="aside.stale")
    return row


def _close(actor: Actor, row: Aside, state: AsideState, **changes: Any) -> None:
    ASIDE_STATES.move(row, state, ended_at=actor.now, claimed_until=None, **changes)
    if row.channel.archived_at is not None:
        row.channel = _home(actor)
    subject = f"session:{row.session.number}"
    name = f"session.{'replied' if state == AsideState.ANSWERED else 'silent'}"
    events.record(actor, name, subject, channel=row.channel, aside=row.pk)


def _text(text: str, instead: str) -> RichText:
    try:
        return RichText.of(text)
    except Invalid:
        return RichText.of(instead)
