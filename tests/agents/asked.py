"""Requests for tests of the anthropic provider, and shortcuts to what was sent."""

from typing import Any

from agents.providers.base import Exchange, Request, ToolOutcome, ToolSpec, ToolUse

READ = ToolSpec(
    name="read_file",
    description="Read a file.",
    schema={"type": "object", "properties": {"path": {"type": "string"}}},
)


def request(**values: Any) -> Request:
    given: dict[str, Any] = {
        "role": "implementer",
        "agent": "Ramona",
        "task": "repair",
        "brief": "",
        "script": "",
        "system": "You are Ramona.",
        "prompt": "Repair the words.",
        "news": (),
        "exchanges": (),
        "tools": (READ,),
        "state": {},
        "model": "claude-sonnet-5-5",
    }
    return Request(**{**given, **values})


def exchange(answer: Any, *results: str, is_error: bool = False, **values: Any) -> Exchange:
    """Make an exchange of an answer and the results of its calls, as they are stored."""
    outcomes = tuple(
        ToolOutcome(use=use, text=text, is_error=is_error)
        for use, text in zip(answer.calls, results, strict=False)
    )
    stored = {"stop_reason": answer.stop_reason, "model": answer.model, **values}
    return Exchange(text=answer.text, outcomes=outcomes, content=tuple(answer.content), **stored)


def outcome(use_id: str, text: str = "fine", *, is_error: bool = False) -> ToolOutcome:
    use = ToolUse(id=use_id, name="read_file", arguments={"path": "a"})
    return ToolOutcome(use=use, text=text, is_error=is_error)


def never() -> str:
    return ""


def marks(body: dict[str, Any]) -> list[str]:
    """Say where the cache marks of a request are: system, or message.block."""
    found = ["system" for block in body["system"] if "cache_control" in block]
    found += [f"tools.{i}" for i, tool in enumerate(body["tools"]) if "cache_control" in tool]
    for index, message in enumerate(body["messages"]):
        for number, block in enumerate(message["content"]):
            if "cache_control" in block:
                found.append(f"{index}.{number}")
    return found
