"""Answering a question beside the turns: claimed by one worker, paid for, said or given up."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import F

from agents import brakes, casting, doubting, paying, providers, recalling
from agents.asking import UNKNOWN_LIMIT_S
from agents.keeping import Keeper
from agents.models import Aside, AsideKind, AsideState
from agents.providers import sizes
from agents.providers.base import LimitReached, Provider, Stopped, TryAgain, Usage
from hub import clock, identify, registry
from hub.errors import Conflict, HubError, OverBudget, Unavailable

CLAIM_S = 60
MAX_ATTEMPTS = 5
RETRY_S = 30
TOKENS = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens")


def answer(pk: int) -> bool:
    """Answer one question, if it waits and nobody else does it; tell whether it was done."""
    row = _claim(pk)
    if row is None:
        return False
    if row.attempt > MAX_ATTEMPTS:
        return _end(row, "fail", reason="It was tried too often.")

    def look(renew: bool) -> bool:  # noqa: FBT001 - the keeper calls it
        mine = Aside.objects.filter(pk=pk, attempt=row.attempt, state=AsideState.ASKED)
        return bool(mine.update(claimed_until=_until(CLAIM_S))) if renew else mine.exists()

    with Keeper(f"aside {pk}", CLAIM_S, look, brakes.at_once) as keeper:
        return _answer(row, keeper)


def _claim(pk: int) -> Aside | None:
    free = Aside.objects.claimable(clock.now()).filter(pk=pk)
    if not free.update(attempt=F("attempt") + 1, claimed_until=_until(CLAIM_S)):
        return None
    sessions = ("member", "task", "project", "run", "target")
    related = ("asker", "project", *(f"session__{name}" for name in sessions))
    return Aside.objects.select_related(*related).get(pk=pk)


def _until(seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


def _answer(row: Aside, keeper: Keeper) -> bool:
    session, model = row.session, None
    ask = _judge if row.kind == AsideKind.JUDGE else _recall
    try:
        provider = providers.find(session.provider)
        model, free_at = _model_for(row, provider)
        if model is None:
            return _wait(row, free_at)
        return ask(row, provider, model, keeper)
    except LimitReached as limit:
        until = limit.resets_at or _until(UNKNOWN_LIMIT_S)
        casting.note_limit(session.provider, model or "", until)
        return _wait(row, clock.now())
    except (TryAgain, Unavailable) as trouble:
        after_s = trouble.detail.get("retry_after_s")
        return _wait(row, _until(max(float(str(after_s or 0)), RETRY_S)))
    except Stopped:
        return False
    except HubError as error:
        return _end(row, "fail", reason=error.message)


def _model_for(row: Aside, provider: Provider) -> tuple[str | None, datetime]:
    if row.kind == AsideKind.JUDGE:
        return provider.models["light"], clock.now()
    return casting.model_for(row.session, provider, clock.now())


def _recall(row: Aside, provider: Provider, model: str, keeper: Keeper) -> bool:
    request = recalling.request(row, provider, model)
    with _paid(row, model, sizes.whole(request)):
        said = provider.respond(request, keeper.stop)
        if not said.text.strip():
            raise Conflict("It said nothing.", code="aside.empty")
    used = {"usage": _told(said.usage), "model": said.model or model}
    return _end(row, "answer", text=said.text, **used)


def _judge(row: Aside, provider: Provider, model: str, keeper: Keeper) -> bool:  # noqa: ARG001
    question = doubting.question(row.session, clock.now())
    with _paid(row, model, doubting.size(question)):
        found = provider.judge(question)
        if found is None:
            raise Conflict("The model gave no verdict.", code="judge.silent")
    used = {"usage": _told(found.usage), "model": found.model or model}
    return _end(row, "verdict", state=found.state, why=found.why, **used)


@contextmanager
def _paid(row: Aside, model: str, prompt_tokens: int) -> Iterator[None]:
    """Hold money while the provider is asked; without an answer it is given back or booked."""
    held = _call(row, "reserve", model=model, prompt_tokens=prompt_tokens)
    if not held["is_reserved"]:
        raise OverBudget(held["reason"])
    connections.close_all()  # nothing is held while a model thinks
    try:
        yield
    except Exception as error:
        _call(row, "unreserve", billed=paying.may_be_billed(error))
        raise


def _told(usage: Usage | None) -> dict[str, int] | None:
    return {name: getattr(usage, name) for name in TOKENS} if usage else None


def _wait(row: Aside, until: datetime) -> bool:
    """Let the question wait; the sweep rings for it again."""
    Aside.objects.filter(pk=row.pk, attempt=row.attempt).update(claimed_until=until)
    return False


def _call(row: Aside, name: str, **facts: Any) -> dict[str, Any]:
    words = {"aside": row.pk, "attempt": row.attempt, **facts}
    made: dict[str, Any] = registry.call(identify.of_hub(row.project_id), f"aside.{name}", words)
    return made


def _end(row: Aside, name: str, **facts: Any) -> bool:
    _call(row, name, **facts)
    return True
