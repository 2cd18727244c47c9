"""Answering a question to an agent that is gone: its conversation is read, nothing else is done."""

import secrets
from datetime import datetime, timedelta

from django.db import connections
from django.db.models import F

from agents import brakes, casting, compose, providers
from agents.asking import UNKNOWN_LIMIT_S
from agents.keeping import Keeper
from agents.models import Aside, AsideState, Session, Turn
from agents.providers.base import (
    Answer,
    Exchange,
    LimitReached,
    Past,
    Provider,
    Request,
    Stopped,
    TryAgain,
)
from hub import clock, identify, registry
from hub.errors import HubError
from hub.text import clip, fence

CLAIM_S = 60
MAX_ATTEMPTS = 5
RETRY_S = 30
MAX_RESULT_CHARS = 2_000
TOKENS = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens")
ASKED = (
    "Your part is over and others go on with your work. Somebody asks you about it. Answer from "
    "what you know, in at most 200 words, and say so when you do not know. You have no tools, and "
    "nothing you say changes anything."
)


def answer(pk: int) -> bool:
    """Answer one question, if it waits and nobody else does it; tell whether it was done."""
    row = _claim(pk)
    if row is None:
        return False
    if row.attempt > MAX_ATTEMPTS:
        return _fail(row, "It was tried too often.")

    def look(renew: bool) -> bool:  # noqa: FBT001 - the keeper calls it
        mine = Aside.objects.filter(pk=pk, attempt=row.attempt, state=AsideState.ASKED)
        return bool(mine.update(claimed_until=_until(CLAIM_S))) if renew else mine.exists()

    with Keeper(f"aside {pk}", CLAIM_S, look, brakes.at_once) as keeper:
        return _answer(row, keeper)


def _claim(pk: int) -> Aside | None:
    free = Aside.objects.claimable(clock.now()).filter(pk=pk)
    if not free.update(attempt=F("attempt") + 1, claimed_until=_until(CLAIM_S)):
        return None
    related = ("asker", "project", "session__member", "session__task", "session__project")
    return Aside.objects.select_related(*related).get(pk=pk)


def _until(seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


def _answer(row: Aside, keeper: Keeper) -> bool:
    session = row.session
    try:
        provider = providers.find(session.provider)
        model, free_at = casting.model_for(session, provider, clock.now())
        if model is None:
            return _wait(row, free_at)
        request = _request(row, provider, model)
        connections.close_all()  # nothing is held while a model thinks
        said = provider.respond(request, keeper.stop)
    except LimitReached as limit:
        until = limit.resets_at or _until(UNKNOWN_LIMIT_S)
        casting.note_limit(session.provider, request.model, until)
        return _wait(row, clock.now())
    except TryAgain as trouble:
        return _wait(row, _until(max(trouble.retry_after_s or 0, RETRY_S)))
    except Stopped:
        return False
    except HubError as error:
        return _fail(row, error.message)
    return _post(row, said, request.model)


def _wait(row: Aside, until: datetime) -> bool:
    """Let the question wait; the sweep rings for it again."""
    Aside.objects.filter(pk=row.pk, attempt=row.attempt).update(claimed_until=until)
    return False


def _post(row: Aside, said: Answer, model: str) -> bool:
    if not said.text.strip():
        return _fail(row, "It said nothing.")
    used = {name: getattr(said.usage, name) for name in TOKENS} if said.usage else {}
    facts = {"aside": row.pk, "attempt": row.attempt, "text": said.text, "usage": used}
    hub = identify.of_hub(row.project_id)
    registry.call(hub, "aside.answer", {**facts, "model": said.model or model})
    return True


def _fail(row: Aside, reason: str) -> bool:
    facts = {"aside": row.pk, "attempt": row.attempt, "reason": reason}
    registry.call(identify.of_hub(row.project_id), "aside.fail", facts)
    return True


def _request(row: Aside, provider: Provider, model: str) -> Request:
    session = row.session
    question = fence(
        row.question,
        author=row.asker.name,
        trust="member",
        origin="a question",
        nonce=secrets.token_hex(8),
    )
    return Request(
        role=session.role,
        agent=session.member.name,
        task=session.task.name if session.task else "",
        brief=session.brief,
        script=session.project.script,
        system=compose.system(session),
        prompt=f"{ASKED}\n\n{question}",
        news=(),
        exchanges=(),
        tools=(),
        state=session.provider_state,
        model=model,
        history=_history(session) if provider.wants_history else (),
    )


def _history(session: Session) -> tuple[Past, ...]:
    """Give the session's turns as plain talk: without tools no call of one may be in it."""
    rows = session.turns.exclude(prompt="").order_by("number")
    return tuple(
        Past(prompt=turn.prompt, exchanges=(Exchange(text=_told(turn), outcomes=()),))
        for turn in rows.prefetch_related("steps__calls")
    )


def _told(turn: Turn) -> str:
    parts: list[str] = []
    for step in sorted(turn.steps.all(), key=lambda one: one.number):
        parts += [step.text] if step.text else []
        parts += [
            f"[I called {call.name} with {clip(str(call.arguments), MAX_RESULT_CHARS)}; "
            f"it answered: {clip(call.result, MAX_RESULT_CHARS)}]"
            for call in step.calls.all()
        ]
    return "\n".join(parts) or "[I said nothing.]"
