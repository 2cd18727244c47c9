"""The fake Messages API is as strict as the real one: each rule with a request that breaks it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from . import fake_rules
from .fake_cache import Cache
from .fake_rules import Refused, sign
from .fake_wire import text, thought, tool

Body = dict[str, Any]
GOOD: Body = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "system": [text("You are Ramona.")],
    "tools": [{"name": "read_file", "input_schema": {"type": "object"}}],
    "messages": [
        {"role": "user", "content": [text("Go.")]},
        {"role": "assistant", "content": [thought("Hm."), tool("read_file")]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_0001", "content": "a"}],
        },
    ],
}


def _swap(body: Body) -> None:
    body["messages"][2]["content"].insert(0, text("First."))


def _mark(body: Body) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    body["system"] = [{**text(str(n)), **mark} for n in range(5)]


def _forge(body: Body) -> None:
    body["messages"][1]["content"][0]["signature"] = "sig-0"


BREAKS: dict[str, tuple[str, Callable[[Body], object]]] = {
    "a field it does not know": ("Extra inputs", lambda b: b.update(temperature=1)),
    "no limit": ("max_tokens", lambda b: b.pop("max_tokens")),
    "no model": ("model", lambda b: b.pop("model")),
    "no message": ("at least one", lambda b: b.update(messages=[])),
    "an assistant first": ("first message", lambda b: b["messages"].pop(0)),
    "one side twice": ("must alternate", lambda b: b["messages"].append(b["messages"][0])),
    "an empty text": ("non-whitespace", lambda b: b["messages"][0].update(content=[text(" ")])),
    "an empty message": ("must not be empty", lambda b: b["messages"][0].update(content=[])),
    "no result": ("without `tool_result`", lambda b: b["messages"][2].update(content=[text("a")])),
    "a result of nothing": ("unexpected", lambda b: b["messages"][1]["content"].pop()),
    "a text before the results": ("must come first", _swap),
    "an open call at the end": ("prefill|without", lambda b: b["messages"].pop()),
    "a forged thought": (
        "signature",
        lambda b: b["messages"][1]["content"][0].update(signature=""),
    ),
    "five marks": ("maximum of 4", _mark),
    "a dot in a tool's name": ("pattern", lambda b: b["tools"][0].update(name="task.open")),
    "a tool twice": ("unique", lambda b: b["tools"].append(b["tools"][0])),
    "a tool without a schema": ("input_schema", lambda b: b["tools"][0].pop("input_schema")),
    "the same call twice": (
        "ids must be unique",
        lambda b: b["messages"].extend(copy.deepcopy(b["messages"][1:])),
    ),
}


def test_a_good_request_is_taken() -> None:
    fake_rules.check(copy.deepcopy(GOOD))


@pytest.mark.parametrize("wrong", BREAKS)
def test_a_bad_request_is_refused(wrong: str) -> None:
    words, spoil = BREAKS[wrong]
    body = copy.deepcopy(GOOD)
    spoil(body)

    with pytest.raises(Refused, match=words):
        fake_rules.check(body)


def test_a_thought_is_taken_back_only_as_it_was() -> None:
    assert sign("a") != sign("b")


def test_the_cache_reads_whole_prefixes_at_marks_only() -> None:
    cache = Cache()
    body = copy.deepcopy(GOOD)
    body["system"][0]["cache_control"] = {"type": "ephemeral"}

    first, second = cache.count(body), cache.count(body)

    assert first["cache_read_input_tokens"] == 0
    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"] > 0
    assert second["input_tokens"] == first["input_tokens"] > 0


def test_a_mark_looks_back_at_most_twenty_blocks() -> None:
    cache = Cache()
    short, far, near = (
        {**GOOD, "messages": [{"role": "user", "content": [text(str(n)) for n in range(size)]}]}
        for size in (1, 22, 20)
    )
    for body in (short, far, near):
        body["messages"][0]["content"][-1]["cache_control"] = {"type": "ephemeral"}
    cache.count(short)

    assert cache.count(near)["cache_read_input_tokens"] > 0
    fresh = Cache()
    fresh.count(short)
    assert fresh.count(far)["cache_read_input_tokens"] == 0
