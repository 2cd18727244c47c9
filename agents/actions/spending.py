"""Money of a turn: reserved before the model is asked, booked with its answer, given back."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from agents import paying
from agents.models import SESSION_STATES, EntryKind, Session, SessionState, Turn, TurnState
from agents.schemas import ReservedOut
from hub.actions import budgets, ledger
from hub.actor import Actor
from hub.errors import OverBudget, Unavailable
from hub.registry import action
from hub.schemas import Done
from hub.text import clip

from .turns import append, session_of
from .waits import park_until

BUSY_S = 3  # what is left of a budget is reserved by others: so soon it is asked for again


@action("turn.reserve", needs="run", returns=ReservedOut)
def reserve(actor: Actor, model: str, prompt_tokens: Annotated[int, Field(ge=0)]) -> ReservedOut:
    """Set aside what the next answer may cost, or leave the turn open until there is money.

    Without money the session waits, and a card asks the people once. When others' reservations
    hold what is left, it tries again soon.
    """
    row = session_of(actor)
    turn = row.turns.get(state=TurnState.RUNNING)
    try:
        ledger.reserve(actor, paying.call_of(row, turn, model), prompt_tokens)
    except OverBudget as error:
        budget = error.detail["budget"]
        assert isinstance(budget, int)
        _stop(actor, row, turn, budget, error.message)
        return ReservedOut(is_reserved=False, reason=error.message)
    except Unavailable as error:
        until = actor.now + timedelta(seconds=BUSY_S)
        park_until(actor, row, until, error.message)
        return ReservedOut(is_reserved=False, reason=error.message)
    return ReservedOut(is_reserved=True)


def _stop(actor: Actor, row: Session, turn: Turn, budget: int, words: str) -> None:
    if row.state != SessionState.WAITING_CAPACITY:
        SESSION_STATES.move(row, SessionState.WAITING_CAPACITY)
    activity = clip(words[:1].lower() + words[1:].rstrip("."), 200)
    Session.objects.filter(pk=row.pk).update(over_budget_id=budget, activity=activity)
    append(actor, row, turn, EntryKind.NOTE, title="no money left", text=words)
    budgets.stop(actor, budget, words)


@action("turn.unreserve", needs="run", returns=Done)
def unreserve(actor: Actor, *, billed: bool) -> Done:
    """Say that no answer came: give back what was reserved, or book it when it may be billed."""
    session_of(actor)
    ledger.end_reserved(actor, billed=billed)
    return Done()
