"""Answers of the fake Messages API, and how they look on the wire: server-sent events."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .fake_cache import tokens
from .fake_rules import sign

Block = dict[str, Any]
PIECE = 24  # characters of a text in one delta


@dataclass(frozen=True, kw_only=True)
class Says:
    """An answer; what the last fields say goes wrong with it.

    A block {"type": "tool_use", …, "json": "…"} streams that text as its arguments, whatever it is.
    """

    content: tuple[Block, ...] = ()
    stop_reason: str = "end_turn"
    stop_details: Block | None = None
    usage: dict[str, int] = field(default_factory=dict)
    first_s: float = 0  # before the headers
    gap_s: float = 0  # before each event
    pings_for_s: float = 0  # after message_start, nothing but pings
    cut_at: int | None = None  # bytes of the body after which the connection ends
    error: tuple[str, str] | None = None  # an error event in place of the end
    open_block: bool = False  # the last block has no end


@dataclass(frozen=True, kw_only=True)
class Fails:
    """A refusal by status."""

    status: int
    kind: str
    message: str = "no"
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> Block:
        error: Block = {"type": self.kind, "message": self.message}
        if self.code:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": "req_fake"}


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def thought(words: str) -> Block:
    return {"type": "thinking", "thinking": words, "signature": sign(words)}


def tool(name: str, number: int = 1, **arguments: Any) -> Block:
    return {"type": "tool_use", "id": f"toolu_{number:04}", "name": name, "input": arguments}


def raw_tool(name: str, arguments: str, number: int = 1) -> Block:
    return {"type": "tool_use", "id": f"toolu_{number:04}", "name": name, "json": arguments}


def output_tokens(says: Says) -> int:
    return says.usage.get("output_tokens", sum(tokens(block) for block in says.content) + 3)


def message(says: Says, model: str, counts: dict[str, int]) -> Block:
    """Give an answer whole, as without streaming."""
    usage = {**counts, "output_tokens": output_tokens(says), **says.usage}
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(says.content),
        "stop_reason": says.stop_reason,
        "stop_sequence": None,
        "stop_details": says.stop_details,
        "usage": usage,
    }


def events(says: Says, model: str, counts: dict[str, int]) -> Iterator[Block]:
    """Give an answer's events, in the real order, with the real fields."""
    start = message(says, model, counts)
    start |= {"content": [], "stop_reason": None, "usage": {**start["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(says.content):
        is_open = says.open_block and index == len(says.content) - 1
        yield from _block(index, block, is_open=is_open)
    if says.error:
        kind, words = says.error
        yield {"type": "error", "error": {"type": kind, "message": words}}
        return
    if says.pings_for_s:
        return
    yield {
        "type": "message_delta",
        "delta": {
            "stop_reason": says.stop_reason,
            "stop_sequence": None,
            "stop_details": says.stop_details,
        },
        "usage": {**counts, "output_tokens": output_tokens(says), **says.usage},
    }
    yield {"type": "message_stop"}


def _block(index: int, block: Block, *, is_open: bool) -> Iterator[Block]:
    empty = {**block}
    deltas: list[Block] = []
    if block["type"] == "text":
        empty["text"] = ""
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
    elif block["type"] == "thinking":
        empty |= {"thinking": "", "signature": ""}
        deltas = [
            {"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"])
        ]
        if not is_open:
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif block["type"] == "tool_use":
        written = empty.pop("json", None)
        written = json.dumps(block["input"]) if written is None else written
        empty["input"] = {}
        deltas = [{"type": "input_json_delta", "partial_json": ""}]
        deltas += [{"type": "input_json_delta", "partial_json": p} for p in _pieces(written)]
    yield {"type": "content_block_start", "index": index, "content_block": empty}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    if not is_open:
        yield {"type": "content_block_stop", "index": index}


def _pieces(words: str) -> list[str]:
    return [words[start : start + PIECE] for start in range(0, len(words), PIECE)]


def encode(event: Block) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
