"""Shift changes: asked for, and the form written by the agent or composed from rows.

What follows when the form stands is in `successors`.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max

from agents import access as own
from agents import casting
from agents.facts import gather
from agents.forms import Form, composed
from agents.models import (
    SESSION_STATES,
    Handoff,
    HandoffState,
    Session,
    TurnState,
)
from agents.policy.context import Course, course, forces, share
from agents.schemas import HandoffOut
from hub.actor import Actor
from hub.errors import Conflict
from hub.models import HOUSE, Project
from hub.registry import action
from hub.schemas import Done, Line, Number
from hub.text import clip, mask

from . import endings, successors, turns

TOOL = "session_hand_off"
FORM_S = 180
MAX_TRIES = 2


@action("session.shift_change", needs="staff", returns=HandoffOut, chat="!shift")
def shift_change(actor: Actor, session: Number, *, reason: Line = "") -> Handoff:
    """Let a session write down where it stands and hand its work over to a fresh one.

    Raises Conflict when it is over, has not begun, hands over already, or has not taken over yet.
    """
    row = own.get_session(actor, session)
    endings.check_reach(actor, row)
    if row.state in SESSION_STATES.final:
        raise Conflict(f"Session {row.number} is over.", code="session.over")
    if not row.turns.exists():
        raise Conflict(
            f"Session {row.number} has not begun; there is nothing to hand over.",
            code="session.not_begun",
        )
    if Handoff.objects.standing().filter(successor=row).exists():
        raise Conflict(
            f"Session {row.number} has not taken over from its predecessor yet.",
            code="handoff.not_taken",
        )
    return _open(actor, row, reason)


def _open(actor: Actor, row: Session, reason: str) -> Handoff:
    if Handoff.objects.live().filter(predecessor=row).exists():
        raise Conflict(f"Session {row.number} hands over already.", code="handoff.live")
    rows = Handoff.objects.filter(project_id=actor.project_id)
    handoff = Handoff.objects.create(
        project=row.project,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        predecessor=row,
        asked_by_id=actor.member_id,
        reason=clip(mask(reason), 200),
        deadline=actor.now + timedelta(seconds=FORM_S),
        asked_at=actor.now,
    )
    Session.objects.filter(pk=row.pk).update(due_at=actor.now)
    successors.log(actor, "handoff.asked", handoff, reason=handoff.reason)
    return handoff


def asked_of(row: Session) -> Handoff | None:
    """Give the hand-off whose form a session still owes."""
    rows = Handoff.objects.filter(predecessor=row, state=HandoffState.ASKED)
    related = ("predecessor__member", "predecessor__task__channel", "predecessor__parent__member")
    return rows.select_related("project", *related).first()


def course_of(row: Session) -> Course:
    """Say what the size of a session's conversation asks for."""
    return course(row.context_tokens, casting.context_limit(row))


def is_forced(row: Session) -> bool:
    """Tell whether a session is relieved without being asked."""
    begun = has_worked(row)
    return forces(row.context_tokens, casting.context_limit(row), has_finished_a_turn=begun)


def has_worked(row: Session) -> bool:
    """Tell whether a session has finished a turn: a fresh one has nothing to hand over."""
    return row.turns.filter(state=TurnState.DONE).exists()


def _full(row: Session) -> str:
    limit = casting.context_limit(row)
    return f"its context is {share(row.context_tokens, limit)} % of {limit:,} tokens"


@action("turn.ask_form", needs="run", returns=Done)
def ask_form(actor: Actor) -> Done:
    """Let the turn that begins be the one that writes the hand-off, or relieve a full session."""
    row = turns.session_of(actor)
    handoff = asked_of(row) or _open(actor, row, _full(row))
    if is_forced(row):
        compose(actor, handoff)
        return Done()
    first = handoff.turn is None
    until = actor.now + timedelta(seconds=FORM_S) if first else handoff.deadline
    number = turns.current(row).number
    Handoff.objects.filter(pk=handoff.pk).update(turn=number, deadline=until)
    Session.objects.filter(pk=row.pk).update(activity="writes the hand-off")
    return Done()


@action("turn.force_shift", needs="run", returns=Done)
def force(actor: Actor, reason: str = "") -> Done:
    """Relieve the session in the middle of a turn; Parley composes the form."""
    row = turns.session_of(actor)
    handoff = asked_of(row) or _open(actor, row, reason or _full(row))
    compose(actor, handoff)
    return Done()


@action("turn.weigh", needs="run", returns=Done)
def weigh(actor: Actor, turn: Number) -> Done:
    """Look, after a turn, whether a hand-off is due or was missed."""
    row = turns.session_of(actor)
    if row.relieved_at is not None:
        return Done()
    handoff = asked_of(row)
    if handoff is not None and handoff.turn == turn:
        miss(actor, row)
    elif course_of(row) >= Course.CHANGE and has_worked(row):
        handoff = handoff or _open(actor, row, _full(row))
        if is_forced(row):
            compose(actor, handoff)
    return Done()


def miss(actor: Actor, row: Session) -> None:
    """Count a try that brought no form; after the second Parley composes it."""
    handoff = asked_of(row)
    if handoff is None:
        return
    Handoff.objects.filter(pk=handoff.pk).update(tries=F("tries") + 1)
    if handoff.tries + 1 >= MAX_TRIES:
        compose(actor, handoff)
    else:
        Session.objects.filter(pk=row.pk).update(due_at=actor.now)


@action("session.hand_off", needs="run", returns=HandoffOut)
def hand_off(actor: Actor, form: Form) -> Handoff:
    """Hand your work over to a fresh session: say where it stands, in at most 1,500 words.

    Your part is over when it is taken; then end your turn. Raises Conflict when nobody asked.
    """
    row = turns.session_of(actor)
    handoff = asked_of(row)
    if handoff is None:
        raise Conflict("Nobody asked you to hand over.", code="handoff.not_asked")
    said = Form.model_construct(**_masked(form))
    successors.relieve(actor, handoff, said, gather(row), is_composed=False)
    return handoff


def _masked(form: Form) -> dict[str, Any]:
    return {
        name: [mask(item) for item in value] if isinstance(value, list) else mask(value)
        for name, value in form.model_dump().items()
    }


def compose(actor: Actor, handoff: Handoff) -> None:
    """Make the form from rows, under the lock, and let it stand."""
    facts = gather(handoff.predecessor)
    successors.relieve(actor, handoff, composed(facts), facts, is_composed=True)


def overdue(now: datetime) -> list[int]:
    """List the projects with a form that is not there in time."""
    if Project.objects.filter(pk=HOUSE, paused_at__isnull=False).exists():
        return []
    return sorted(set(Handoff.objects.overdue(now).values_list("project_id", flat=True)))


def compose_overdue(actor: Actor) -> None:
    """Compose, under the lock, what a project's agents did not write in time."""
    rows = Handoff.objects.overdue(actor.now).filter(project_id=actor.project_id)
    related = ("predecessor__member", "predecessor__task__channel", "predecessor__parent__member")
    for handoff in rows.select_related("project", *related):
        compose(actor, handoff)
