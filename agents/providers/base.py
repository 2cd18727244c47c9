"""The contract of a provider: what it is asked, what it answers, how it fails."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from hub.errors import Conflict, Unavailable

Stop = Callable[[], str]
State = Literal["busy", "idle", "stuck"]
UNREADABLE = "INVALID_JSON"  # the key under which arguments stand that are no JSON object


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """One tool offered to the model; `schema` is JSON Schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """One tool call that the model wants."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    """What came of a tool call; `value` is its answer as plain values where it has one."""

    use: ToolUse
    text: str
    is_error: bool
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One answer and what came of its calls; `content` is the answer as its provider gave it.

    `stop_reason` is the provider's word for its end, `model` the one that gave it.
    `heard` is what was said to the agent while they ran (steering): the model is told it as text
    of the user, after the results of the calls and before its next answer. `heard_news` are the
    same inbox items in full, which `Request.news` then does not hold.
    """

    text: str
    outcomes: tuple[ToolOutcome, ...]
    content: Sequence[Mapping[str, Any]] = ()
    stop_reason: str = ""
    model: str = ""
    heard: str = ""
    heard_news: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One earlier turn of the conversation: what the model was told, and its answers."""

    prompt: str
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All that a provider is given for its next answer. `news` are the inbox items in full.

    `history` holds the turns before this one, oldest first, for providers that ask for it. The
    answer may have `max_output_tokens`: so much is reserved for it.
    """

    role: str
    agent: str
    task: str
    brief: str
    script: str
    system: str
    prompt: str
    news: tuple[Mapping[str, Any], ...]
    exchanges: tuple[Exchange, ...]
    tools: tuple[ToolSpec, ...]
    state: Mapping[str, Any]
    model: str = ""
    max_output_tokens: int = 32_000
    history: tuple[Past, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer, as they are billed: each class by itself, none counted twice."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0

    @property
    def context_tokens(self) -> int:
        """Count what the model had before it: the size of the conversation after this answer."""
        read = self.input_tokens + self.cache_write_tokens + self.cache_read_tokens
        return read + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the provider says and wants done; without calls, or with `is_last`, the turn ends.

    An answer that its provider cut off (`stop_reason` in GOES_ON) is followed by another one.

    `state` is kept with the session and given back with its next request. `content` is kept with
    the answer and given back in its `Exchange`. `model` is the one that answered. `usage` is None
    when the provider did not say.
    """

    text: str
    calls: tuple[ToolUse, ...]
    is_last: bool
    state: Mapping[str, Any]
    usage: Usage | None = field(default_factory=Usage)
    content: Sequence[Mapping[str, Any]] = ()
    model: str = ""
    stop_reason: str = ""


GOES_ON = frozenset({"max_tokens", "pause_turn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRequest:
    """Facts about a session whose state is in doubt; texts among them are nobody's orders."""

    facts: Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a judge makes of the facts, and what the judgement took."""

    state: State
    why: str
    model: str = ""
    usage: Usage | None = None


class Stopped(Exception):
    """The provider was told to stop in the middle of an answer; `reason` is what `stop` said."""

    def __init__(self, reason: str, *, is_billed: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_billed = is_billed


class TryAgain(Unavailable):
    """It did not answer and should be asked again: cut off, overloaded, too many at once.

    `is_billed` tells that the provider had begun to answer, so that tokens may be on its bill.
    """

    default_code = "provider.unavailable"

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, is_billed: bool = False
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s
        self.is_billed = is_billed


class LimitReached(Unavailable):
    """A limit of the account is used up; asking again before `resets_at` is pointless."""

    default_code = "provider.limit"

    def __init__(self, message: str, *, resets_at: datetime | None) -> None:
        super().__init__(message, resets_at=resets_at.isoformat() if resets_at else None)
        self.resets_at = resets_at


class RequestRefused(Conflict):
    """The provider will never take this request: a wrong key, an unknown model, bad content.

    `is_billed` tells that it had begun to answer.
    """

    default_code = "provider.refused"
    is_billed = False


class ContextFull(Conflict):
    """The conversation no longer fits the model; only a shift change helps.

    `is_billed` tells that it had begun to answer.
    """

    default_code = "provider.context_full"
    is_billed = False


class Provider(Protocol):
    """A program or service that plays an agent. It keeps nothing between calls.

    `models` names its model for each tier of roles: strong, standard, light.
    """

    name: str
    wants_history: bool
    models: Mapping[str, str]

    def respond(self, request: Request, stop: Stop) -> Answer:
        """Give the next answer.

        `stop` is asked often while it waits: once it says a reason, the answer is given up and
        Stopped raised. Raises TryAgain, LimitReached, RequestRefused and ContextFull.
        """
        ...

    def judge(self, question: JudgeRequest) -> Verdict | None:
        """Judge whether a silent session is busy, idle or stuck; None when it cannot tell."""
        ...


@runtime_checkable
class Carrier(Protocol):
    """A provider of which a part of a session's state goes over to its successor."""

    def carried(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give the state that a successor begins with."""
        ...
