"""The events of a streamed answer, put together: blocks, tool calls, usage, why it ended.

The SDK's own accumulator is not used: it raises in the middle of the stream when a model writes
arguments that are no JSON, and the answer that was paid for is lost.
"""

import json
from collections.abc import Mapping
from typing import Any

from agents.providers.base import UNREADABLE, ToolUse, Usage
from hub.text import clip, storable

from .conversation import plain

MAX_UNREADABLE_CHARS = 2_000
CUT = "The answer ended in the middle of this call. Make it again, with less in it."
NO_OBJECT = "Its arguments were no JSON object. Write them again."


class Collected:
    """An answer as far as it has come; `is_begun` means that it is on the bill."""

    def __init__(self) -> None:
        self.is_begun = False
        self.is_whole = False
        self.model = ""
        self.stop_reason = ""
        self.stop_details: Mapping[str, Any] = {}
        self._counts: dict[str, int | None] = {}
        self._has_final_counts = False
        self._blocks: dict[int, dict[str, Any]] = {}
        self._json: dict[int, str] = {}
        self._closed: set[int] = set()

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in the next event; kinds that are not known are passed over."""
        kind = event.get("type")
        if kind == "message_start":
            self.is_begun = True
            self.model = event["message"].get("model") or ""
            self._counts.update(event["message"].get("usage") or {})
        elif kind == "content_block_start":
            self._blocks[event["index"]] = dict(event["content_block"])
        elif kind == "content_block_delta":
            self._grow(event["index"], event["delta"])
        elif kind == "content_block_stop":
            self._closed.add(event["index"])
        elif kind == "message_delta":
            self._end(event)
        elif kind == "message_stop":
            self.is_whole = True

    def _grow(self, index: int, delta: Mapping[str, Any]) -> None:
        block = self._blocks[index]
        kind = delta.get("type")
        if kind == "text_delta":
            block["text"] = block.get("text", "") + delta["text"]
        elif kind == "input_json_delta":
            self._json[index] = self._json.get(index, "") + delta["partial_json"]
        elif kind == "thinking_delta":
            block["thinking"] = block.get("thinking", "") + delta["thinking"]
        elif kind == "signature_delta":
            block["signature"] = delta["signature"]
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]

    def _end(self, event: Mapping[str, Any]) -> None:
        delta = event.get("delta") or {}
        self.stop_reason = delta.get("stop_reason") or self.stop_reason
        self.stop_details = delta.get("stop_details") or {}
        counts = {k: v for k, v in (event.get("usage") or {}).items() if v is not None}
        self._counts.update(counts)
        self._has_final_counts = "output_tokens" in counts

    @property
    def usage(self) -> Usage | None:
        """Count the tokens; None while only the first event's numbers are known: they are too low.

        Source: Messages API streaming; message_start says `output_tokens: 1`, message_delta all.
        """
        if not self._has_final_counts:
            return None
        return Usage(
            input_tokens=self._counts.get("input_tokens") or 0,
            output_tokens=self._counts.get("output_tokens") or 0,
            cache_write_tokens=self._counts.get("cache_creation_input_tokens") or 0,
            cache_read_tokens=self._counts.get("cache_read_input_tokens") or 0,
        )

    @property
    def text(self) -> str:
        """Join what was said aloud."""
        texts = [b.get("text", "") for b in self._blocks.values() if b.get("type") == "text"]
        return storable("\n\n".join(text for text in texts if text.strip()))

    def content(self) -> list[dict[str, Any]]:
        """Give the blocks to keep and to give back.

        A thought that was cut off before its signature is left out: nobody would take it back.
        """
        return [
            {**plain(block), "input": self._input(index)}
            if block.get("type") == "tool_use"
            else plain(block)
            for index, block in sorted(self._blocks.items())
            if block.get("type") != "thinking" or block.get("signature")
        ]

    def calls(self) -> tuple[ToolUse, ...]:
        """List the tool calls; one that cannot be read says so in its arguments."""
        return tuple(
            ToolUse(id=block["id"], name=storable(block["name"]), arguments=self._input(index))
            for index, block in sorted(self._blocks.items())
            if block.get("type") == "tool_use"
        )

    def _input(self, index: int) -> dict[str, Any]:
        text = self._json.get(index, "")
        given = self._blocks[index].get("input")
        if not text and index in self._closed:
            return plain(given) if isinstance(given, dict) else {}
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict) and index in self._closed:
            return dict(plain(found))
        why = CUT if self.stop_reason == "max_tokens" else NO_OBJECT
        return {UNREADABLE: storable(clip(text, MAX_UNREADABLE_CHARS)), "why": why}
