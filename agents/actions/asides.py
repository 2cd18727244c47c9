"""Questions beside the turns: to an agent that is gone, and whether one that lives is stuck."""

import re

from agents.models import Aside, AsideKind, AsideState, Handoff, Session
from agents.schemas import AsideOut
from hub import access
from hub.actions import channels, events
from hub.actor import Actor
from hub.errors import Conflict, Invalid, NotFound
from hub.models import Channel, ChannelKind, Member, MemberKind, Message
from hub.registry import action
from hub.schemas import ChannelRef, MemberName, Paragraph
from hub.text import mask

from .successors import link

MAX_OPEN = 5
MAX_QUESTION_CHARS = 2_000
CAUSE = re.compile(r"message:([0-9]+)")


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
    where = access.get_channel(actor, channel) if channel else None
    row = _open(actor, session, AsideKind.RECALL, where, question=mask(question))
    _tell(actor, "session.asked", row)
    return row


@action("session.judge", needs="work", returns=AsideOut, chat="!judge")
def judge(actor: Actor, agent: MemberName) -> Aside:
    """Let the provider's cheapest model judge whether an agent is busy, idle or stuck.

    It sees facts, not the chat, and decides nothing: the verdict stands under "Why is it waiting?"
    and is said where it was asked for. Raises Conflict for an agent without a live session and for
    one that a script plays.
    """
    session = _live(access.get_member(actor, agent))
    if Aside.objects.filter(session=session, kind=AsideKind.JUDGE, state=AsideState.ASKED).exists():
        raise Conflict(f"{agent} is being judged already.", code="aside.waits")
    row = _open(actor, session, AsideKind.JUDGE, None)
    _tell(actor, "session.doubted", row)
    return row


def _live(member: Member) -> Session:
    rows = Session.objects.live().filter(member=member).select_related("member")
    session = rows.order_by("number").last()
    if session is None:
        raise Conflict(f"{member.name} has no session that lives.", code="session.not_live")
    if session.is_rehearsal:
        raise Conflict(
            f"{member.name} is played by a script; what its next turn needs is on its page.",
            code="session.rehearsal",
        )
    return session


def _open(
    actor: Actor, session: Session, kind: AsideKind, where: Channel | None, *, question: str = ""
) -> Aside:
    asked_in = _asked_in(actor)
    where = where or (asked_in.channel if asked_in else home(actor))
    if where.archived_at is not None:
        raise Conflict(f"{where.name} is archived; ask elsewhere.", code="channel.archived")
    waiting = Aside.objects.filter(project_id=actor.project_id, state=AsideState.ASKED)
    if waiting.count() >= MAX_OPEN:
        raise Conflict(f"{MAX_OPEN} questions wait already; ask later.", code="aside.too_many")
    return Aside.objects.create(
        project_id=actor.project_id,
        session=session,
        asker_id=actor.member_id,
        channel=where,
        message=asked_in if asked_in and asked_in.channel_id == where.pk else None,
        kind=kind,
        question=question,
        asked_at=actor.now,
    )


def _tell(actor: Actor, name: str, row: Aside) -> None:
    subject = f"session:{row.session.number}"
    facts = {"aside": row.pk, "agent": row.session.member.name}
    events.record(actor, name, subject, channel=row.channel, **facts)


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


def home(actor: Actor) -> Channel:
    """Give the channel for what was asked in none."""
    return channels.of_kind(actor, ChannelKind.PROJECT)
