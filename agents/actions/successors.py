"""Successors: made when a hand-off stands, and given the work when they acknowledge it."""

from dataclasses import replace
from typing import Annotated, Any

from django.conf import settings
from django.db.models import F, Max
from pydantic import Field

from agents import forms, providers
from agents.forms import Facts, Form
from agents.models import (
    HANDOFF_STATES,
    Handoff,
    HandoffState,
    Session,
    SessionState,
)
from agents.schemas import HandoffOut
from hub import identify
from hub.actions import channels, decisions, events, inbox, members, messages, takeovers
from hub.actor import Actor
from hub.errors import Conflict, Invalid
from hub.markdown import RichText
from hub.models import Channel, ChannelKind, Run
from hub.registry import action
from hub.text import mask

from . import endings, sessions, turns

PERMANENT = "em"  # the role that keeps its member, and so its name


def relieve(actor: Actor, handoff: Handoff, form: Form, facts: Facts, *, is_composed: bool) -> None:
    """Let a form stand, under the lock: a successor starts, the predecessor takes no more turns.

    A worker that is in a turn of the predecessor is fenced off, unless it is the one that acts.
    The successor reads from where the predecessor stopped; what that one holds stays its own
    until the successor acknowledges.
    """
    old = handoff.predecessor
    Session.objects.filter(pk=old.pk).update(
        relieved_at=actor.now, due_at=None, parked_until=None, activity="handed over"
    )
    if actor.run_id != old.run_id:
        Run.objects.filter(pk=old.run_id).update(epoch=F("epoch") + 1, lease_until=None)
    heir = _heir(actor, old)
    HANDOFF_STATES.move(
        handoff,
        HandoffState.COMPOSED if is_composed else HandoffState.WRITTEN,
        is_composed=is_composed,
        form=form.model_dump(),
        facts=facts.model_dump(),
        successor_id=heir.pk,
        stood_at=actor.now,
    )
    handoff.successor = heir
    log(actor, f"handoff.{handoff.state.lower()}", handoff, to=heir.member.name)
    _announce(actor, handoff, form)


def log(actor: Actor, name: str, handoff: Handoff, **facts: Any) -> None:
    """Write one event about a hand-off."""
    old = handoff.predecessor
    if old.task:
        facts["task"] = old.task.number
    subject = f"handoff:{handoff.number}"
    events.record(actor, name, subject, session=old.number, agent=old.member.name, **facts)


def _heir(actor: Actor, old: Session) -> Session:
    keeps = old.role == PERMANENT
    member = old.member if keeps else members.add(actor, sessions.fresh_name(actor), old.role)
    rows = Session.objects.filter(project_id=actor.project_id)
    heir = Session.objects.create(
        project_id=actor.project_id,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        member=member,
        run=Run.objects.create(member=member),
        role=old.role,
        provider=old.provider,
        model=old.model,
        brief=old.brief,
        objective_id=old.objective_id,
        task=old.task,
        parent=old.parent,
        target_id=old.target_id,
        predecessor=old,
        provider_state=providers.carried(old.provider, old.provider_state),
        paused_at=old.paused_at,
        due_at=actor.now,
        created_at=actor.now,
    )
    if not keeps:
        read = events.cursor_of(actor.project_id, inbox.reader_name(old.member_id))
        events.advance_cursor(actor.project_id, inbox.reader_name(member.pk), read)
        channels.let_read(old.member, member)
    facts = {"role": old.role, "agent": member.name, "predecessor": old.number}
    endings.log(actor, "session.started", heir, **facts)
    return heir


def link(handoff: Handoff) -> str:
    """Give the address of a hand-off's page, for people in any chat."""
    slug = handoff.project.slug
    return f"{settings.PARLEY_PUBLIC_URL.rstrip('/')}/p/{slug}/handoffs/{handoff.number}/"


def _announce(actor: Actor, handoff: Handoff, form: Form) -> None:
    """Say the hand-off where its agent works, and that it happened in standup."""
    assert handoff.successor is not None, "a hand-off that stands has a successor"
    old, to = handoff.predecessor, handoff.successor.member.name
    hub = replace(identify.of_hub(actor.project_id, "hub"), clock=actor.now)
    same = old.member_id == handoff.successor.member_id
    name = old.member.name
    line = f"{name} changes shift and keeps the name" if same else f"{name} hands over to {to}"
    linked = f"[hand-off {handoff.number}]({link(handoff)})"
    by_hub = " Parley composed it from its records." if handoff.is_composed else ""
    speaker = hub if handoff.is_composed else actor
    work = old.task.channel if old.task else None
    if work is None or work.archived_at is not None:
        work = channels.of_kind(actor, ChannelKind.PROJECT)
    _say(speaker, work, f"**{line}** ({linked}).{by_hub}", forms.short(form))
    standup = channels.of_kind(actor, ChannelKind.STANDUP)
    _say(hub, standup, f"{line}: {_quiet(forms.headline(form))} ({linked})", "")


def _say(actor: Actor, where: Channel, line: str, more: str) -> None:
    """Say a line and what an agent wrote; only the line, when that is no text for a channel."""
    try:
        text = RichText.of(f"{line}\n\n{_quiet(more)}".strip())
    except Invalid:
        text = RichText.of(line)
    messages.take_in(actor, where, text, obey=False)


def _quiet(text: str) -> str:
    """Let a text address nobody and link nowhere."""
    return text.replace("@", "").replace("](", "] (")


@action("session.acknowledge_handoff", needs="run", returns=HandoffOut)
def acknowledge(actor: Actor, *, words: Annotated[str, Field(max_length=4_000)] = "") -> Handoff:
    """Say that you have read your hand-off, and how you go on: from then on the work is yours.

    Tasks, questions, the checkout and the sessions that your predecessor started become yours in
    this one step, and its session ends. Raises Conflict when nothing is handed over to you.
    """
    mine = turns.session_of(actor)
    rows = (
        Handoff.objects.standing()
        .filter(successor=mine)
        .select_related(
            "predecessor__member", "predecessor__task", "predecessor__parent", "project"
        )
    )
    handoff = rows.first()
    if handoff is None:
        raise Conflict("Nothing waits to be taken over by you.", code="handoff.none")
    handoff.successor = mine
    words = mask(words)
    HANDOFF_STATES.move(handoff, HandoffState.ACKNOWLEDGED, words=words, ended_at=actor.now)
    moved = _move(actor, handoff.predecessor, mine)
    log(actor, "handoff.acknowledged", handoff, to=mine.member.name, **moved)
    summary = forms.summary(Form.model_validate(handoff.form))
    old = handoff.predecessor
    endings.end(actor, old, SessionState.SUCCEEDED, summary, event="session.relieved")
    return handoff


def _move(actor: Actor, old: Session, mine: Session) -> dict[str, list[int]]:
    """Give the successor all that the predecessor holds; its checkout is the task's."""
    children = Session.objects.filter(parent=old)
    moved = {
        "tasks": takeovers.hand_over(actor, old.member, mine.member),
        "children": list(children.values_list("number", flat=True).order_by("number")),
    }
    children.update(parent=mine)
    if old.member_id != mine.member_id:
        moved["questions"] = decisions.hand_over(actor, old.member, mine.member)
    if mine.workspace_id is None:
        Session.objects.filter(pk=mine.pk).update(workspace=old.workspace_id)
    return moved
