"""An answer is paid for: reserved before the provider is asked, and never left hanging."""

from collections.abc import Iterator
from contextlib import contextmanager

from agents.models import Session, Turn
from agents.providers import sizes
from agents.providers.base import (
    ContextFull,
    LimitReached,
    Request,
    RequestRefused,
    Stopped,
    TryAgain,
)
from hub import clock, registry
from hub.actions.ledger import Call
from hub.actor import Actor
from hub.errors import OverBudget
from hub.policy.prices import is_free, prices
from hub.text import clip

UNBILLED = (LimitReached, RequestRefused, ContextFull)  # the provider said no and did nothing
MAX_MODEL_CHARS = 80


def call_of(row: Session, turn: Turn, model: str) -> Call:
    """Name, for the ledger, the call that the next answer of a turn needs."""
    return Call(
        session=row.number,
        turn=turn.number,
        step=turn.steps.count() + 1,
        provider=row.provider,
        model=clip(model, MAX_MODEL_CHARS),
        objective_id=row.objective_id,
        task_id=row.task_id,
    )


def longest_answer(model: str) -> int:
    """Give how many tokens an answer of a model may have; so much is reserved for it."""
    return prices().of(model, clock.now().date()).price.max_output_tokens


@contextmanager
def paid(
    actor: Actor, session: Session, request: Request, *, wants_history: bool
) -> Iterator[None]:
    """Hold money while an answer is waited for; storing the answer books it.

    Without an answer it is given back, or booked when the provider may bill it. Raises OverBudget
    when the session has to wait for money; the session is parked then.
    """
    if is_free(session.provider):
        yield
        return
    wanted = {"model": request.model, "prompt_tokens": _size(session, request, wants_history)}
    held = registry.call(actor, "turn.reserve", wanted)
    if not held["is_reserved"]:
        raise OverBudget(held["reason"])
    try:
        yield
    except Exception as error:
        registry.call(actor, "turn.unreserve", {"billed": may_be_billed(error)})
        raise


def _size(session: Session, request: Request, wants_history: bool) -> int:  # noqa: FBT001
    """Tell how much the model will read: by the request's text, and by what it counted before."""
    counted = session.context_tokens + sizes.newest(request)
    if wants_history:
        return max(sizes.whole(request), counted)
    return sizes.whole(request) + session.context_tokens


def may_be_billed(error: Exception) -> bool:
    """Tell whether a provider may bill a call that ended so."""
    if isinstance(error, TryAgain | Stopped):
        return error.is_billed
    return not isinstance(error, UNBILLED)
