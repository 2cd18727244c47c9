"""A session's conversation as the Messages API wants it, cached where it will be read again. Pure.

Roles alternate, every tool call has its result in the very next message, no text is empty, and
what was sent once is sent again byte for byte: the cache reads whole prefixes only.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents.providers.base import GOES_ON, Exchange, Request, ToolOutcome, ToolSpec
from hub.text import storable

Block = dict[str, Any]
Message = dict[str, Any]

CACHED = {"type": "ephemeral"}
NOT_RUN = "It was not run: the session was interrupted before."
NOTHING = "(no output)"
GO_ON = (
    "Your answer was cut off because it reached the length of one answer. "
    "Go on where it ends, in smaller pieces."
)
BEGIN = "Begin."
_THINKING = frozenset({"thinking", "redacted_thinking"})
_ID = re.compile(r"[^A-Za-z0-9_-]")


def system(request: Request) -> list[Block]:
    """Give the system prompt; its end is the first cache mark, after the tools and itself."""
    return [{"type": "text", "text": request.system, "cache_control": CACHED}]


def tools(specs: Sequence[ToolSpec]) -> list[Block]:
    """Give the tools as they are offered, in the order they came in."""
    return [
        {
            "name": spec.name,
            "description": spec.description,
            "input_schema": plain(spec.schema),
        }
        for spec in specs
    ]


def messages(request: Request) -> list[Message]:
    """Rebuild the conversation: earlier turns, this turn's prompt, its answers and results.

    Three cache marks at most: where the history ends, and after the last two things that the
    model was told in this turn. The last but one is where the request before had its last mark.
    """
    talk = _Talk(request.model)
    for past in request.history:
        talk.tell(past.prompt)
        talk.go_through(past.exchanges, is_open=False)
    history = talk.last_told
    talk.told.clear()
    talk.tell(request.prompt)
    talk.go_through(request.exchanges, is_open=True)
    if not talk.messages:
        talk.tell(BEGIN)
    for block in [*filter(None, [history]), *talk.told[-2:]]:
        block["cache_control"] = CACHED
    return talk.messages


class _Talk:
    """A conversation that grows; what is said by one side in a row becomes one message."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.messages: list[Message] = []
        self.told: list[Block] = []

    @property
    def last_told(self) -> Block | None:
        return self.told[-1] if self.told else None

    def tell(self, text: str) -> None:
        if text.strip():
            self.hear([{"type": "text", "text": storable(text)}])

    def hear(self, blocks: list[Block]) -> None:
        self._say("user", blocks)
        self.told.append(blocks[-1])

    def go_through(self, exchanges: Sequence[Exchange], *, is_open: bool) -> None:
        """Add answers and results; between two answers in a row the model is told to go on."""
        for index, exchange in enumerate(exchanges, 1):
            blocks = _answer(exchange, self.model)
            if blocks:
                self._say("assistant", blocks)
            results = _results(exchange, blocks)
            if results:
                self.hear(results)
                self.tell(exchange.heard)
            elif is_open or index < len(exchanges):
                self._urge(exchange)

    def _urge(self, exchange: Exchange) -> None:
        if exchange.stop_reason != "pause_turn":  # a pause goes on from the answer itself
            self.tell(GO_ON if exchange.stop_reason in GOES_ON else BEGIN)

    def _say(self, role: str, blocks: list[Block]) -> None:
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"].extend(blocks)
        else:
            self.messages.append({"role": role, "content": list(blocks)})


def _answer(exchange: Exchange, model: str) -> list[Block]:
    """Give an answer back as it was; made anew where another provider gave it.

    Thinking goes back only to the model that thought it: its signature means nothing to others.
    """
    if exchange.content:
        other = bool(exchange.model and model and not exchange.model.startswith(model))
        return [
            plain(block)
            for block in exchange.content
            if not (other and block.get("type") in _THINKING) and not _is_blank(block)
        ]
    text: list[Block] = [{"type": "text", "text": storable(exchange.text)}]
    uses = [
        {
            "type": "tool_use",
            "id": _id(outcome.use.id),
            "name": outcome.use.name,
            "input": plain(outcome.use.arguments),
        }
        for outcome in exchange.outcomes
    ]
    return [*(text if exchange.text.strip() else []), *uses]


def _is_blank(block: Mapping[str, Any]) -> bool:
    return block.get("type") == "text" and not str(block.get("text", "")).strip()


def _results(exchange: Exchange, blocks: Sequence[Block]) -> list[Block]:
    """Answer every call of an answer, also those that nobody ran."""
    found = {_id(outcome.use.id): outcome for outcome in exchange.outcomes}
    uses = [block["id"] for block in blocks if block["type"] == "tool_use"]
    return [_result(use, found.get(_id(use))) for use in uses]


def _result(use: str, outcome: ToolOutcome | None) -> Block:
    if outcome is None:
        text, is_error = NOT_RUN, True
    else:
        text, is_error = outcome.text, outcome.is_error
    block: Block = {
        "type": "tool_result",
        "tool_use_id": use,
        "content": storable(text) if text.strip() else NOTHING,
    }
    return {**block, "is_error": True} if is_error else block


def _id(text: str) -> str:
    return _ID.sub("_", text)[:64]


def plain(value: Any) -> Any:
    """Copy JSON values, without what no database takes: NUL and half characters."""
    return json.loads(json.dumps(value), object_hook=_storable) if value else value


def _storable(found: dict[str, Any]) -> dict[str, Any]:
    return {storable(key): _clean(value) for key, value in found.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value
