"""The contract of a provider: what it is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


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
    """One answer of this turn and what came of its calls."""

    text: str
    outcomes: tuple[ToolOutcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All that a provider is given for its next answer. `news` are the inbox items in full."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the provider says and wants done; without calls, or with `is_last`, the turn ends.

    `state` is kept with the session and given back with its next request.
    """

    text: str
    calls: tuple[ToolUse, ...]
    is_last: bool
    state: Mapping[str, Any]
    usage: Usage = field(default_factory=Usage)


class Provider(Protocol):
    """A program or service that plays an agent. It keeps nothing between calls."""

    name: str

    def respond(self, request: Request) -> Answer:
        """Give the next answer. Raises Unavailable when it should be asked again later."""
        ...
