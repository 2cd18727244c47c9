"""Claude over the Messages API: our own loop, one request for each answer, nothing kept there."""

import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.conf import settings

from hub.policy.roles import role as role_of

from .base import (
    GOES_ON,
    UNREADABLE,
    Answer,
    ContextFull,
    JudgeRequest,
    Request,
    RequestRefused,
    Stop,
    Stopped,
    Verdict,
)
from .messages import conversation, judging
from .messages.collecting import Collected
from .messages.streaming import reading

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

MAX_CUTS = 3  # answers in a row that were cut off
CONNECT_S = 10.0
IDLE_S = 90.0  # without a byte; a stream that is alive pings
MAX_ANSWER_S = 1_200.0
JUDGE_S = 10.0
EFFORT: Mapping[str, str] = {"strong": "high", "standard": "medium"}
THINKERS = (
    *("claude-opus-5", "claude-sonnet-5", "claude-fable-5", "claude-mythos-5"),
    *("claude-opus-4-6", "claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-4-6"),
)

logger = logging.getLogger(__name__)


class Anthropic:
    """Asks Claude. The SDK is imported with the first request: it takes seconds."""

    name = "anthropic"
    wants_history = True

    def __init__(self) -> None:
        self.models: Mapping[str, str] = dict(settings.ANTHROPIC_MODELS)

    def respond(self, request: Request, stop: Stop) -> Answer:
        """Give the next answer."""
        get_ready()
        asked = _asked(request)
        collected = Collected()
        try:
            with reading(lambda: _events(asked)) as arriving:
                for event in arriving.items(stop, MAX_ANSWER_S):
                    collected.take(event)
        except Stopped as stopped:
            raise Stopped(stopped.reason, is_billed=collected.is_begun) from None
        except Exception as error:
            trouble = _troubles().of(error, is_billed=collected.is_begun)
            if trouble is None:
                raise
            raise trouble from None  # the cause would be logged, and may repeat the key
        if not collected.is_whole:
            raise _troubles().cut_short()
        return _answer(request, collected)

    def judge(self, question: JudgeRequest) -> Verdict | None:
        """Let the cheapest model judge the facts; None when it does not in ten seconds.

        Raises RequestRefused without a key.
        """
        get_ready()
        try:
            with reading(lambda: _judged(question, self.models["light"])) as arriving:
                return next(arriving.items(lambda: "", JUDGE_S), None)
        except Exception as error:
            trouble = _troubles().of(error, is_billed=False)
            if trouble is None and not isinstance(error, ValueError | RequestRefused):
                raise
            logger.warning("no verdict: %s", trouble or error)
            return None


def get_ready() -> None:
    """Import what a request needs, before its time runs. Raises RequestRefused without a key."""
    _troubles()
    if not settings.ANTHROPIC_API_KEY:
        raise RequestRefused(
            "There is no key for the Anthropic API: set ANTHROPIC_API_KEY and start again.",
            code="provider.no_key",
        )


def client() -> "AsyncAnthropic":
    """Make a client that tries once."""
    sdk = import_module("anthropic")
    http = import_module("httpx2")
    timeout = http.Timeout(connect=CONNECT_S, read=IDLE_S, write=IDLE_S, pool=CONNECT_S)
    made: AsyncAnthropic = sdk.AsyncAnthropic(
        api_key=settings.ANTHROPIC_API_KEY,
        base_url=settings.ANTHROPIC_BASE_URL,
        max_retries=0,  # the session's own schedule asks again: it survives this process
        timeout=timeout,
        http_client=sdk.DefaultAsyncHttpxClient(timeout=timeout, verify=_trust()),
    )
    return made


@cache
def _trust() -> ssl.SSLContext:
    """Load the certificates once: it took 70 ms for each request."""
    made: ssl.SSLContext = import_module("httpx2").create_ssl_context()
    return made


def _troubles() -> Any:
    return import_module("agents.providers.messages.troubles")


def _asked(request: Request) -> dict[str, Any]:
    """Make the body of a request; the same state gives the same bytes."""
    asked: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "system": conversation.system(request),
        "messages": conversation.messages(request),
    }
    if request.tools:
        asked["tools"] = conversation.tools(request.tools)
    effort = EFFORT.get(role_of(request.role).tier)
    if request.model.startswith(THINKERS):
        asked["thinking"] = {"type": "adaptive"}
        if effort:
            asked["output_config"] = {"effort": effort}
    return asked


async def _judged(question: JudgeRequest, model: str) -> AsyncIterator[Verdict]:
    async with client() as api:
        yield await judging.judge(api, question, model)


async def _events(asked: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
    async with client() as api, await api.messages.create(**asked, stream=True) as stream:
        async for event in stream:
            yield event.to_dict(warnings=False)  # kinds newer than the SDK are no trouble


def _answer(request: Request, collected: Collected) -> Answer:
    """Read why an answer ended, reason by reason."""
    reason = collected.stop_reason
    calls = collected.calls()
    if reason == "refusal":
        raise _billed(RequestRefused(_refusal(collected.stop_details)))
    if reason == "model_context_window_exceeded":
        raise _billed(ContextFull("The conversation no longer fits the model's window."))
    is_empty = not any(UNREADABLE not in use.arguments for use in calls)
    if reason in GOES_ON and is_empty and _cuts(request) + 1 >= MAX_CUTS:
        words = f"{MAX_CUTS} answers in a row ended unfinished ({reason})."
        raise _billed(RequestRefused(words))
    if reason not in {"end_turn", "stop_sequence", "tool_use", *GOES_ON}:
        logger.warning("an answer of %s ended for an unknown reason: %s", collected.model, reason)
    return Answer(
        text=collected.text,
        calls=calls,
        is_last=not calls and reason not in GOES_ON,
        state={},
        usage=collected.usage,
        content=collected.content(),
        model=collected.model,
        stop_reason=reason,
    )


def _cuts(request: Request) -> int:
    count = 0
    for exchange in reversed(request.exchanges):
        if exchange.stop_reason not in GOES_ON:
            break
        count += 1
    return count


def _refusal(details: Mapping[str, Any]) -> str:
    category = details.get("category")
    explanation = details.get("explanation")
    about = f" ({category})" if category else ""
    return f"The model refused to answer{about}. {explanation or 'It gave no reason.'}"


def _billed(trouble: Any) -> Any:
    trouble.is_billed = True
    return trouble
