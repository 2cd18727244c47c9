"""Turns that cannot go on yet, as a worker reports them; what they read and did stays."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from agents.models import SESSION_STATES, EntryKind, Session, SessionState, TurnState
from hub.actor import Actor
from hub.errors import Unavailable
from hub.registry import action
from hub.schemas import Done
from hub.text import clip

from .turns import append, session_of

MAX_RETRIES = 6
FIRST_RETRY_S = 10
LONGEST_RETRY_S = 300


@action("turn.wait", needs="run", returns=Done)
def wait(actor: Actor, reason: str, *, seconds: int = 2) -> Done:
    """Give the turn back without having begun: something it needs is not free yet."""
    row = session_of(actor)
    turn = row.turns.filter(state=TurnState.RUNNING).first()
    if turn and not turn.steps.exists() and not turn.prompt:
        turn.delete()
    if row.state != SessionState.WAITING_CAPACITY:
        SESSION_STATES.move(row, SessionState.WAITING_CAPACITY)
    due = actor.now + timedelta(seconds=seconds)
    Session.objects.filter(pk=row.pk).update(due_at=due, activity=clip(reason, 200))
    return Done()


@action("turn.park", needs="run", returns=Done)
def park(actor: Actor, until: datetime, reason: str) -> Done:
    """Leave the turn open until a moment; nothing wakes the session before."""
    row = session_of(actor)
    park_until(actor, row, until, f"{reason} until {until:%H:%M} UTC")
    return Done()


@action("turn.retry", needs="run", returns=Done)
def retry(
    actor: Actor, reason: str, *, retry_after_s: Annotated[float, Field(ge=0)] | None = None
) -> Done:
    """Leave the turn open and ask the provider again after a pause that doubles each time.

    Raises Unavailable `provider.gave_up` after six tries; the turn has failed then.
    """
    row = session_of(actor)
    tries = row.retries + 1
    if tries > MAX_RETRIES:
        Session.objects.filter(pk=row.pk).update(retries=0)
        raise Unavailable(
            f"The provider did not answer in {MAX_RETRIES} tries: {reason}",
            code="provider.gave_up",
        )
    pause = max(min(FIRST_RETRY_S * 2 ** (tries - 1), LONGEST_RETRY_S), retry_after_s or 0)
    Session.objects.filter(pk=row.pk).update(retries=tries)
    until = actor.now + timedelta(seconds=pause)
    park_until(actor, row, until, f"asks again at {until:%H:%M:%S} UTC (try {tries}): {reason}")
    return Done()


def park_until(actor: Actor, row: Session, until: datetime, words: str) -> None:
    """Leave a session's turn open, under the lock, and let nothing wake it before a moment."""
    if row.state != SessionState.WAITING_CAPACITY:
        SESSION_STATES.move(row, SessionState.WAITING_CAPACITY)
    Session.objects.filter(pk=row.pk).update(
        due_at=until, parked_until=until, activity=clip(words, 200)
    )
    turn = row.turns.filter(state=TurnState.RUNNING).first()
    append(actor, row, turn, EntryKind.NOTE, title="waits", text=words)
