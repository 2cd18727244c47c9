"""What the real Messages API checks before it answers, for the fake one."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

KNOWN = {
    *("model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "thinking"),
    *("output_config", "metadata", "stop_sequences", "service_tier"),
}
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
MAX_MARKS = 4
SERVER_TOOL = "server_tool_use"


class Refused(Exception):
    """The request is not taken; `status` and `kind` as the real API gives them."""

    def __init__(self, message: str, status: int = 400, kind: str = "invalid_request_error"):
        super().__init__(message)
        self.status = status
        self.kind = kind


def sign(thinking: str) -> str:
    """Sign a thought as the fake API does; it takes no other back."""
    return "sig-" + hashlib.sha256(thinking.encode()).hexdigest()[:24]


def check(body: dict[str, Any]) -> None:
    """Raises Refused for what the real API would refuse."""
    unknown = set(body) - KNOWN
    _refuse_if(unknown, f"{', '.join(sorted(unknown))}: Extra inputs are not permitted")
    _refuse_if(not isinstance(body.get("max_tokens"), int), "max_tokens: Field required")
    _refuse_if(body["max_tokens"] < 1, "max_tokens: must be at least 1")
    _refuse_if(not body.get("model"), "model: Field required")
    _check_tools(body.get("tools", []))
    _check_system(body.get("system", ""))
    _check_messages(body.get("messages", []))
    marks = sum("cache_control" in block for block in blocks_of(body))
    words = f"A maximum of 4 blocks with cache_control may be provided. Found {marks}."
    _refuse_if(marks > MAX_MARKS, words)


def blocks_of(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List tools, system and contents in the order in which the cache sees them."""
    yield from body.get("tools", [])
    system = body.get("system", [])
    yield from system if isinstance(system, list) else [{"type": "text", "text": system}]
    for message in body["messages"]:
        yield from contents(message)


def contents(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _refuse_if(wrong: object, message: str) -> None:
    if wrong:
        raise Refused(message)


def _check_tools(tools: list[dict[str, Any]]) -> None:
    names = [tool.get("name", "") for tool in tools]
    for index, tool in enumerate(tools):
        _refuse_if(
            not TOOL_NAME.fullmatch(tool.get("name", "")),
            f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'",
        )
        _refuse_if(
            tool.get("input_schema", {}).get("type") != "object",
            f"tools.{index}.custom.input_schema.type: Field required",
        )
    _refuse_if(len(names) != len(set(names)), "tools: Tool names must be unique.")


def _check_system(system: Any) -> None:
    for block in system if isinstance(system, list) else []:
        _check_text(block, "system")


def _check_text(block: dict[str, Any], where: str) -> None:
    _refuse_if(
        block.get("type") == "text" and not block.get("text", "").strip(),
        f"{where}: text content blocks must contain non-whitespace text",
    )


def _check_messages(messages: list[dict[str, Any]]) -> None:
    _refuse_if(not messages, "messages: at least one message is required")
    _refuse_if(messages[0]["role"] != "user", "messages: first message must use the user role")
    uses: set[str] = set()
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        _refuse_if(message["role"] not in {"user", "assistant"}, f"{where}: Unexpected role")
        _refuse_if(
            index and messages[index - 1]["role"] == message["role"],
            f"{where}: roles must alternate between user and assistant",
        )
        _refuse_if(not contents(message), f"{where}: content must not be empty")
        for block in contents(message):
            _check_block(block, message["role"], where)
        if message["role"] == "assistant":
            _check_uses(message, uses, where)
        _check_results(messages, index)
    last = messages[-1]
    paused = last["role"] == "assistant" and contents(last)[-1]["type"] == SERVER_TOOL
    _refuse_if(
        last["role"] != "user" and not paused,
        "This model does not support assistant message prefill. "
        "The conversation must end with a user message.",
    )


def _check_block(block: dict[str, Any], role: str, where: str) -> None:
    kind = block.get("type")
    allowed = {
        "user": {"text", "tool_result", "image", "document"},
        "assistant": {"text", "tool_use", "thinking", "redacted_thinking", SERVER_TOOL},
    }
    _refuse_if(kind not in allowed[role], f"{where}: {role} messages cannot contain {kind}")
    _check_text(block, where)
    if kind == "thinking":
        _refuse_if("cache_control" in block, f"{where}: thinking blocks cannot be cached")
        _refuse_if(
            block.get("signature") != sign(block.get("thinking", "")),
            f"{where}: Invalid `signature` in `thinking` block",
        )
    if kind == "tool_use":
        _refuse_if(not isinstance(block.get("input"), dict), f"{where}: input: should be an object")
        _refuse_if(not TOOL_ID.fullmatch(block.get("id", "")), f"{where}: id: should match pattern")


def _check_uses(message: dict[str, Any], uses: set[str], where: str) -> None:
    for block in contents(message):
        if block["type"] == "tool_use":
            _refuse_if(block["id"] in uses, f"{where}: `tool_use` ids must be unique")
            uses.add(block["id"])


def _check_results(messages: list[dict[str, Any]], index: int) -> None:
    """Every call is answered at once, in the next message and before anything else there."""
    before = contents(messages[index - 1]) if index else []
    asked = {block["id"] for block in before if block["type"] == "tool_use"}
    content = contents(messages[index])
    results = [block for block in content if block["type"] == "tool_result"]
    given = [block["tool_use_id"] for block in results]
    missing = asked - set(given)
    _refuse_if(
        missing,
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately "
        f"after: {', '.join(sorted(missing))}.",
    )
    _refuse_if(
        set(given) - asked or len(given) != len(set(given)),
        f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks",
    )
    _refuse_if(
        content[: len(results)] != results,
        f"messages.{index}: `tool_result` blocks must come first",
    )
    if index == len(messages) - 1 and messages[index]["role"] == "assistant":
        open_uses = [block for block in content if block["type"] == "tool_use"]
        _refuse_if(open_uses, f"messages.{index}: `tool_use` ids without `tool_result` blocks")
