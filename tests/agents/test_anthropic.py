"""The anthropic provider: what it sends and how it reads each way an answer can end."""

import json
import logging

import pytest
from pytest_django.fixtures import Settings

from agents.providers.anthropic import MAX_CUTS, Anthropic
from agents.providers.base import UNREADABLE, Answer, ContextFull, RequestRefused, Usage
from agents.providers.messages.conversation import GO_ON

from .asked import exchange, never, request
from .fake_messages import KEY, FakeMessages
from .fake_wire import Says, raw_tool, text, thought, tool


def ask(api: FakeMessages, *says: Says, **values) -> Answer:
    api.queue.extend(says)
    return Anthropic().respond(request(**values), never)


def test_an_answer_is_read_from_the_stream(api: FakeMessages) -> None:
    answer = ask(api, Says(content=(text("The pattern " * 20), text("is wrong."))))

    assert answer.text == "The pattern " * 20 + "\n\nis wrong."
    assert (answer.calls, answer.is_last) == ((), True)
    assert (answer.stop_reason, answer.model) == ("end_turn", "claude-sonnet-5-5")
    assert api.refused == []


def test_the_request_is_bounded_and_says_who_asks_and_what_it_may_do(api: FakeMessages) -> None:
    ask(api, Says(content=(text("Yes."),)))

    body = api.bodies[0]
    assert (body["max_tokens"], body["stream"]) == (32_000, True)
    assert body["system"][0]["text"] == "You are Ramona."
    assert [it["name"] for it in body["tools"]] == ["read_file"]
    assert body["messages"][0]["content"][0]["text"] == "Repair the words."
    assert api.received[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_usage_is_the_last_one_told_and_each_class_is_counted_once(api: FakeMessages) -> None:
    usage = {
        "input_tokens": 11,
        "output_tokens": 222,
        "cache_creation_input_tokens": 33,
        "cache_read_input_tokens": 4_444,
    }

    answer = ask(api, Says(content=(text("Yes."),), usage=usage))

    assert answer.usage == Usage(
        input_tokens=11, output_tokens=222, cache_write_tokens=33, cache_read_tokens=4_444
    )


def test_tool_calls_are_read_with_their_arguments(api: FakeMessages) -> None:
    uses = (tool("read_file", 1, path="a/ü.py"), tool("read_file", 2))

    answer = ask(api, Says(content=(text("I look."), *uses), stop_reason="tool_use"))

    assert [(use.id, dict(use.arguments)) for use in answer.calls] == [
        ("toolu_0001", {"path": "a/ü.py"}),
        ("toolu_0002", {}),
    ]
    assert not answer.is_last


def test_thoughts_go_back_as_they_came_with_the_results(api: FakeMessages) -> None:
    says = Says(
        content=(thought("Hm, where?"), tool("read_file", path="a")), stop_reason="tool_use"
    )
    first = ask(api, says)

    ask(api, exchanges=(exchange(first, "text of a"),))

    _, said, result = api.bodies[1]["messages"]
    assert said == {"role": "assistant", "content": list(says.content)}
    assert result["content"][0]["tool_use_id"] == "toolu_0001"
    assert (api.refused, first.text) == ([], "")


def test_a_stop_sequence_ends_the_turn(api: FakeMessages) -> None:
    answer = ask(api, Says(content=(text("Yes."),), stop_reason="stop_sequence"))

    assert (answer.is_last, answer.stop_reason) == (True, "stop_sequence")


def test_an_answer_without_a_word_ends_the_turn_and_leaves_no_trace(api: FakeMessages) -> None:
    silent = ask(api, Says())
    again = ask(api, exchanges=(exchange(silent),))

    assert (silent.text, silent.calls, silent.is_last, silent.content) == ("", (), True, [])
    assert (again.is_last, api.refused) == (True, [])


def test_arguments_that_are_no_json_are_an_error_that_the_model_sees(api: FakeMessages) -> None:
    broken = raw_tool("read_file", '{"path": "a" "b"}')

    answer = ask(api, Says(content=(broken,), stop_reason="tool_use"))
    ask(api, exchanges=(exchange(answer, "The call was not run.", is_error=True),))

    assert answer.calls[0].arguments[UNREADABLE] == '{"path": "a" "b"}'
    sent = api.bodies[1]["messages"]
    assert sent[1]["content"][0]["input"] == answer.calls[0].arguments
    assert sent[2]["content"][0]["is_error"] is True
    assert api.refused == []


@pytest.mark.parametrize("arguments", ["[1, 2]", "7", '"text"', "null"])
def test_arguments_must_be_an_object(api: FakeMessages, arguments: str) -> None:
    answer = ask(api, Says(content=(raw_tool("read_file", arguments),), stop_reason="tool_use"))

    assert answer.calls[0].arguments[UNREADABLE] == arguments


def test_nul_and_half_characters_never_reach_the_database(api: FakeMessages) -> None:
    content = (text("a\x00b"), tool("read_file", path="c\x00", more=[["\ud800"]]))

    answer = ask(api, Says(content=content, stop_reason="tool_use"))

    kept = json.dumps([answer.text, answer.content, [dict(c.arguments) for c in answer.calls]])
    assert "\\u0000" not in kept
    assert "\\ud800" not in kept
    assert answer.text == "a\ufffdb"


def test_a_call_that_was_cut_off_is_not_run_and_the_model_is_told(api: FakeMessages) -> None:
    content = (tool("read_file", 1, path="whole"), raw_tool("read_file", '{"path": "ha', 2))

    answer = ask(api, Says(content=content, stop_reason="max_tokens", open_block=True))

    whole, cut = answer.calls
    assert (whole.arguments, answer.is_last) == ({"path": "whole"}, False)
    assert "ended in the middle of this call" in cut.arguments["why"]


def test_a_cut_call_is_not_run_even_if_what_came_reads_as_json(api: FakeMessages) -> None:
    cut = raw_tool("read_file", '{"path": "a"}')

    answer = ask(api, Says(content=(cut,), stop_reason="max_tokens", open_block=True))

    assert UNREADABLE in answer.calls[0].arguments


def test_a_text_that_was_cut_off_goes_on_in_the_same_turn(api: FakeMessages) -> None:
    cut = ask(api, Says(content=(text("First"),), stop_reason="max_tokens", open_block=True))

    ask(api, exchanges=(exchange(cut),))

    assert not cut.is_last
    assert [m["role"] for m in api.bodies[1]["messages"]] == ["user", "assistant", "user"]
    assert api.bodies[1]["messages"][2]["content"][0]["text"] == GO_ON
    assert api.refused == []


def test_a_thought_that_was_cut_off_is_not_given_back(api: FakeMessages) -> None:
    cut = ask(api, Says(content=(thought("Hm"),), stop_reason="max_tokens", open_block=True))

    ask(api, exchanges=(exchange(cut),))

    assert (cut.content, api.refused) == ([], [])


def test_being_cut_off_again_and_again_comes_to_an_end(api: FakeMessages) -> None:
    says = Says(content=(text("First"),), stop_reason="max_tokens", open_block=True)
    cut = ask(api, says)

    with pytest.raises(RequestRefused, match="3 answers in a row") as refused:
        ask(api, says, exchanges=(exchange(cut),) * (MAX_CUTS - 1))

    assert refused.value.is_billed


def test_a_pause_goes_on_from_the_answer_itself(api: FakeMessages) -> None:
    search = {"type": "server_tool_use", "id": "srv_1", "name": "search", "input": {}}
    paused = ask(api, Says(content=(text("I search."), search), stop_reason="pause_turn"))

    ask(api, exchanges=(exchange(paused),))

    assert not paused.is_last
    assert [m["role"] for m in api.bodies[1]["messages"]] == ["user", "assistant"]
    assert api.refused == []


def test_a_refusal_says_why(api: FakeMessages) -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "This could do harm."}

    with pytest.raises(RequestRefused, match=r"refused to answer \(cyber\). This could") as refused:
        ask(api, Says(stop_reason="refusal", stop_details=details))

    assert refused.value.is_billed


def test_a_full_window_calls_for_a_shift_change(api: FakeMessages) -> None:
    with pytest.raises(ContextFull) as full:
        ask(api, Says(content=(text("And"),), stop_reason="model_context_window_exceeded"))

    assert full.value.is_billed


def test_an_unknown_reason_ends_the_turn_and_is_logged(api: FakeMessages, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        answer = ask(api, Says(content=(text("Yes."),), stop_reason="bored"))

    assert answer.is_last
    assert "unknown reason: bored" in caplog.text


def test_each_tier_has_a_model_and_effort_goes_where_it_is_understood(api: FakeMessages) -> None:
    models = Anthropic().models
    ask(api, role="manager", model=models["strong"])
    ask(api, role="implementer", model=models["standard"])
    ask(api, role="documenter", model=models["light"])

    seen = [(b["model"], b.get("thinking"), b.get("output_config")) for b in api.bodies]
    assert seen == [
        ("claude-opus-5-5", {"type": "adaptive"}, {"effort": "high"}),
        ("claude-sonnet-5-5", {"type": "adaptive"}, {"effort": "medium"}),
        ("claude-haiku-5-5", None, None),
    ]


def test_the_models_are_a_setting(settings: Settings) -> None:
    settings.ANTHROPIC_MODELS = {"strong": "a", "standard": "b", "light": "c"}

    assert Anthropic().models == {"strong": "a", "standard": "b", "light": "c"}


def test_without_a_key_it_says_which_setting_is_missing(
    api: FakeMessages, settings: Settings
) -> None:
    settings.ANTHROPIC_API_KEY = ""

    with pytest.raises(RequestRefused, match="set ANTHROPIC_API_KEY"):
        ask(api)

    assert api.received == []
