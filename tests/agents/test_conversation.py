"""Conversations as they are sent: always whole, always alternating, cached where it pays."""

import itertools
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.providers.base import Answer, Exchange, Past
from agents.providers.messages import conversation

from . import fake_rules
from .asked import marks, outcome, request
from .fake_cache import Cache
from .fake_wire import text, thought, tool

MODEL = "claude-sonnet-5-5"


def body_of(asked: Any) -> dict[str, Any]:
    return {
        "model": MODEL,
        "max_tokens": 10,
        "system": conversation.system(asked),
        "tools": conversation.tools(asked.tools),
        "messages": conversation.messages(asked),
    }


def said(*content: dict[str, Any], **values: Any) -> Exchange:
    results = tuple(outcome(b["id"]) for b in content if b["type"] == "tool_use")
    return Exchange(**{"text": "", "outcomes": results, "content": content, **values})


def test_a_call_that_nobody_ran_has_a_result_nevertheless() -> None:
    lost = said(tool("read_file", 1), tool("read_file", 2), outcomes=(outcome("toolu_0001"),))

    body = body_of(request(exchanges=(lost,)))

    fake_rules.check(body)
    ran, not_run = body["messages"][2]["content"]
    assert "is_error" not in ran
    assert (not_run["tool_use_id"], not_run["is_error"]) == ("toolu_0002", True)
    assert "not run" in not_run["content"]


def test_a_turn_that_failed_halfway_is_followed_by_the_next_in_one_message() -> None:
    past = (
        Past(prompt="One.", exchanges=(said(tool("read_file")),)),
        Past(prompt="Two.", exchanges=()),
    )

    body = body_of(request(history=past, prompt="Three."))

    fake_rules.check(body)
    assert [b.get("text") for b in body["messages"][2]["content"]] == [None, "Two.", "Three."]


def test_an_answer_of_another_provider_is_told_in_blocks() -> None:
    old = Exchange(text="I look.", outcomes=(outcome("step 1/1"),))

    body = body_of(request(exchanges=(old,)))

    fake_rules.check(body)
    assert body["messages"][1]["content"] == [
        text("I look."),
        {"type": "tool_use", "id": "step_1_1", "name": "read_file", "input": {"path": "a"}},
    ]


def test_thoughts_go_back_only_to_the_model_that_had_them() -> None:
    had = said(thought("Hm."), text("Yes."), tool("read_file"), model="claude-opus-5-5-20260901")

    same = conversation.messages(request(exchanges=(had,), model="claude-opus-5-5"))
    other = conversation.messages(request(exchanges=(had,), model="claude-haiku-5-5"))

    assert [b["type"] for b in same[1]["content"]] == ["thinking", "text", "tool_use"]
    assert [b["type"] for b in other[1]["content"]] == ["text", "tool_use"]


def test_blank_texts_and_results_are_never_sent() -> None:
    blank = said(text("  \n"), tool("read_file"), outcomes=(outcome("toolu_0001", " "),))

    body = body_of(request(exchanges=(blank,), prompt=""))

    assert body["messages"][-1]["content"][0]["content"] == conversation.NOTHING
    assert [b["type"] for m in body["messages"] for b in m["content"]][:1] == ["tool_use"]


def test_the_marks_stand_at_the_system_the_history_and_the_last_two_things_told() -> None:
    past = Past(prompt="One.", exchanges=(said(tool("read_file", 1)), said(text("Done."))))
    now = (said(tool("read_file", 2)), said(tool("read_file", 3)), said(tool("read_file", 4)))

    body = body_of(request(history=(past,), prompt="Two.", exchanges=now))

    fake_rules.check(body)
    assert marks(body) == ["system", "2.0", "8.0", "10.0"]


def test_each_request_reads_from_the_cache_all_that_the_one_before_wrote() -> None:
    cache = Cache()
    seen = [cache.count(body_of(asked)) for asked in _story()]

    for before, after in itertools.pairwise(seen):
        sent = before["cache_read_input_tokens"] + before["cache_creation_input_tokens"]
        assert after["cache_read_input_tokens"] == sent
        assert after["input_tokens"] == 0


def test_a_conversation_only_ever_grows_byte_for_byte() -> None:
    bare = [_bare(body_of(asked)) for asked in _story()]

    for before, after in itertools.pairwise(bare):
        assert after[: len(before)] == before


def test_one_changed_byte_in_the_prefix_costs_the_cache() -> None:
    first, second, *_ = _story()
    cache = Cache()
    cache.count(body_of(first))

    counted = cache.count(body_of(replace(second, system="You are Ramon.")))

    assert counted["cache_read_input_tokens"] == 0


def _story() -> list[Any]:
    """Three turns of many calls each, request by request, stored in between as a database does."""
    asked, history, number = [], (), 0
    for turn in range(3):
        exchanges: tuple[Exchange, ...] = ()
        for _ in range(4):
            asked.append(request(history=history, prompt=f"Turn {turn}.", exchanges=exchanges))
            number += 8
            uses = [tool("read_file", number + n, path=f"{n}", again=True) for n in range(8)]
            exchanges = (*exchanges, _stored(said(thought(f"{number}"), text("I see."), *uses)))
        asked.append(request(history=history, prompt=f"Turn {turn}.", exchanges=exchanges))
        exchanges = (*exchanges, _stored(said(text("Done."))))
        history = (*history, Past(prompt=f"Turn {turn}.", exchanges=exchanges))
    return asked


def _stored(exchange: Exchange) -> Exchange:
    """Sort keys as jsonb does: it keeps values, not their order."""
    content = json.loads(json.dumps(list(exchange.content), sort_keys=True))
    return replace(exchange, content=tuple(content))


def _bare(body: dict[str, Any]) -> list[str]:
    return [
        json.dumps({key: value for key, value in block.items() if key != "cache_control"})
        for block in fake_rules.blocks_of(body)
    ]


BLOCKS = st.one_of(
    st.builds(text, st.sampled_from(["", " ", "Yes.", "a\x00"])),
    st.builds(thought, st.sampled_from(["Hm.", "So."])),
    st.just({"type": "tool_use", "name": "read_file", "input": {}}),
)
ANSWERS = st.tuples(
    st.lists(BLOCKS, max_size=4),
    st.integers(0, 4),  # how many of its calls have a result
    st.sampled_from(["", "end_turn", "tool_use", "max_tokens"]),
)
TURNS = st.tuples(st.sampled_from(["", "Go.", "More."]), st.lists(ANSWERS, max_size=4))


@given(past=st.lists(TURNS, max_size=3), prompt=st.sampled_from(["", "Go."]), now=st.lists(ANSWERS))
def test_whatever_a_crash_left_the_api_takes_it(past: Any, prompt: str, now: Any) -> None:
    numbers = iter(range(10_000))
    history = tuple(
        Past(prompt=words, exchanges=tuple(_made(a, numbers) for a in answers))
        for words, answers in past
    )
    asked = request(
        history=tuple(turn for turn in history if turn.prompt),
        prompt=prompt or "Begin now.",
        exchanges=tuple(_made(answer, numbers) for answer in now),
    )

    fake_rules.check(body_of(asked))


def _made(answer: Any, numbers: Any) -> Exchange:
    blocks, ran, reason = answer
    content = [
        {**block, "id": f"toolu_{next(numbers)}"} if block["type"] == "tool_use" else block
        for block in blocks
    ]
    uses = [block["id"] for block in content if block["type"] == "tool_use"]
    outcomes = tuple(outcome(use) for use in uses[:ran])
    return Exchange(text="", outcomes=outcomes, content=tuple(content), stop_reason=reason)


def test_an_answer_is_an_exchange_without_loss() -> None:
    answer = Answer(text="", calls=(), is_last=True, state={}, content=[thought("a" * 99)])

    sent = conversation.messages(request(exchanges=(said(*answer.content),)))

    assert sent[1]["content"] == answer.content
