"""One answer of the provider: what it is asked, with which model, and what its troubles lead to."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import connections
from django.db.models import Prefetch

from agents import casting, compose, guarding, handing, hearing, paying, providers, toolbox
from agents.keeping import Keeper
from agents.models import Session, Step, Turn, TurnState
from agents.models.sessions import CallState
from agents.providers.base import (
    Answer,
    ContextFull,
    Exchange,
    LimitReached,
    Past,
    Provider,
    Request,
    Stopped,
    ToolOutcome,
    ToolUse,
    TryAgain,
)
from hub import clock, faults, registry
from hub.actor import Actor
from hub.errors import OverBudget

UNDONE = frozenset({CallState.PLANNED, CallState.BEGUN})  # in a turn that ended before
UNKNOWN_LIMIT_S = 900  # how long a limit is taken to last when the provider does not say


class Interrupted(Exception):
    """The turn has to stop here: paused, told to wait, or the lease went to somebody else."""


def ask(
    actor: Actor,
    session: Session,
    turn: Turn,
    said: tuple[list[Step], Mapping[int, Any]],
    keeper: Keeper,
) -> None:
    """Ask the provider for the next answer of a turn and store it.

    `said` are the turn's steps so far and the plain values of the last one's calls. Raises
    Interrupted when the session has to wait, and what a provider raises for good.
    """
    _check_guards(actor, session, is_first=not said[0])
    if said[0] and not handing.owes_form(session):  # what is said meanwhile waits for the successor
        hearing.hear(actor, session, turn, said[0][-1])
    provider = providers.find(session.provider)
    request = _request(actor, session, turn, said, provider)
    while True:
        model, free_at = casting.model_for(session, provider, clock.now())
        if model is None:
            words = {"until": free_at.isoformat(), "reason": "a limit of the provider"}
            registry.call(actor, "turn.park", words)
            raise Interrupted("the provider's limit is reached")
        try:
            answer = _respond(actor, session, provider, request(model), keeper)
        except ContextFull as full:
            handing.overflow(actor, session, full)
            raise Interrupted(full.message) from full
        except LimitReached as limit:
            until = limit.resets_at or clock.now() + timedelta(seconds=UNKNOWN_LIMIT_S)
            casting.note_limit(session.provider, model, until)
            continue
        except TryAgain as trouble:
            wait = {"reason": trouble.message, "retry_after_s": trouble.retry_after_s}
            registry.call(actor, "turn.retry", wait)
            raise Interrupted(trouble.message) from trouble
        faults.passed("turn.answered")
        registry.call(actor, "turn.answer", _stored(answer, model))
        faults.passed("turn.stored")
        return


def _check_guards(actor: Actor, session: Session, *, is_first: bool) -> None:
    if guarding.look(session, clock.now(), is_first=is_first) is None:
        return
    held = registry.call(actor, "turn.guard", {"is_first": is_first})
    if held["code"]:
        raise Interrupted(held["words"])


def _respond(
    actor: Actor, session: Session, provider: Provider, request: Request, keeper: Keeper
) -> Answer:
    try:
        with paying.paid(actor, session, request, wants_history=provider.wants_history):
            connections.close_all()  # nothing is held while a model thinks
            faults.passed("turn.asking")
            return provider.respond(request, keeper.stop)
    except Stopped as stopped:
        raise Interrupted(stopped.reason) from stopped
    except OverBudget as spent:
        raise Interrupted(spent.message) from spent


def _request(
    actor: Actor,
    session: Session,
    turn: Turn,
    said: tuple[list[Step], Mapping[int, Any]],
    provider: Provider,
) -> Any:
    steps, values = said

    def made(model: str) -> Request:
        return Request(
            role=session.role,
            agent=session.member.name,
            task=session.task.name if session.task else "",
            brief=session.brief,
            script=session.project.script,
            system=compose.system(session),
            prompt=turn.prompt,
            news=tuple(turn.news),
            exchanges=tuple(_exchange(step, values) for step in steps),
            tools=toolbox.specs(actor, session),
            state=session.provider_state,
            model=model,
            max_output_tokens=paying.longest_answer(model),
            history=_history(session) if provider.wants_history else (),
        )

    return made


def _history(session: Session) -> tuple[Past, ...]:
    """Read the turns before this one as the model saw them; nothing else is kept of them."""
    turns = session.turns.exclude(state=TurnState.RUNNING).order_by("number")
    in_order = Step.objects.order_by("number")
    return tuple(
        Past(
            prompt=turn.prompt,
            exchanges=tuple(_exchange(step, {}) for step in turn.steps.all()),
        )
        for turn in turns.prefetch_related(Prefetch("steps", in_order), "steps__calls")
        if turn.prompt
    )


def _exchange(step: Step, values: Mapping[int, Any]) -> Exchange:
    outcomes = [
        ToolOutcome(
            use=ToolUse(id=call.use_id, name=call.name, arguments=call.arguments),
            text=compose.result(call) if call.state not in UNDONE else "It was not run.",
            is_error=call.is_error or call.state in UNDONE,
            value=values.get(call.pk, compose.value_of(call.result)),
        )
        for call in step.calls.all()
    ]
    return Exchange(
        text=step.text,
        outcomes=tuple(outcomes),
        content=tuple(step.content),
        stop_reason=step.stop_reason,
        model=step.model,
        heard=step.heard_text,
        heard_news=tuple(step.heard),
    )


def _stored(answer: Answer, model: str) -> dict[str, Any]:
    calls = [
        {"id": use.id, "name": use.name, "arguments": dict(use.arguments)} for use in answer.calls
    ]
    usage = answer.usage
    return {
        "text": answer.text,
        "calls": calls,
        "is_last": answer.is_last,
        "state": dict(answer.state),
        "content": [dict(block) for block in answer.content],
        "model": answer.model or model,
        "stop_reason": answer.stop_reason,
        "usage": usage
        and {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
        },
    }
