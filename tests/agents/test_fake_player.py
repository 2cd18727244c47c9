"""The fake player: where it thinks it stands, also after a shift change and what it hears."""

from typing import Any

import pytest

from agents.compose import HEARD
from agents.handing import ASK, TAKE_OVER
from agents.policy import script as scripts
from agents.providers.base import Answer, ToolUse

from . import fake_shift
from .fake_player import player

PLACE = '{"at": 4, "variables": {"pull": 1}, "news": []}'
FORM = f"<message-1 author=Jules>\ndone: two things\nnext step: {PLACE}\n</message-1>"
SYSTEM = "You are Jules, manager in the project Word count."
TASK = "Task #1 (claimed, review):\n<message-2 author=Em>\nfix-apostrophes: Repair\n</message-2>"


def body(*told: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": [{"type": "text", "text": text} for text in told]}]
    return {"system": [{"type": "text", "text": SYSTEM}], "messages": messages}


def test_a_successors_first_prompt_holds_its_place() -> None:
    prompt = f"{TAKE_OVER.format(name='Jules', session=2)}\n{FORM}\n\n{TASK}"

    answer = player()(body(prompt))

    assert fake_shift.received(prompt) == {"at": 4, "variables": {"pull": 1}, "news": []}
    assert [block["name"] for block in answer.content if block["type"] == "tool_use"] == [
        "session_acknowledge_handoff"
    ]


@pytest.mark.parametrize("before", [TASK, "Parley: your conversation fills 62 % of its limit."])
def test_a_hand_off_that_is_told_in_a_channel_is_nobodys_place(before: str) -> None:
    prompt = f"{before}\n\n[9] message.posted by Jules in work-1\n{FORM}"

    answer = player()(body(f"{TASK}\n\n{prompt}"))

    assert fake_shift.received(prompt) == {}
    assert [block["name"] for block in answer.content if block["type"] == "tool_use"] == [
        "task_claim"
    ]


def test_a_form_holds_only_what_the_rest_of_the_part_wants() -> None:
    part = scripts.load("wordcount").part("manager", "fix-apostrophes")
    merged = {"name": "pull.merged", "where": "", "text": "", "facts": {}}
    state = {
        "at": len(part) - 1,
        "variables": {"pull": 1, "number": 1, "task": "fix", "news.text": "long ago"},
        "news": [{**merged, "name": "pull.ready"}, merged],
        "saves": [],
    }
    use = ToolUse(id="hand-over", name="session_hand_off", arguments={"form": {"done": ["it"]}})

    answer = fake_shift.written(Answer(text="", calls=(use,), is_last=False, state=state), part)

    form = answer.calls[0].arguments["form"]
    prompt = f"{TAKE_OVER.format(name='Jules', session=2)}\nnext step: {form['next_step']}"
    assert form["done"] == ["it"]
    assert fake_shift.received(prompt) == {
        "at": len(part) - 1,
        "variables": {"pull": 1, "number": 1, "task": "fix"},
        "news": [merged],
    }


def test_who_is_asked_for_a_form_writes_one() -> None:
    asked = ASK.format(reason="it is full", seconds=180)
    talk = body(TASK)
    talk["messages"] += [
        {"role": "assistant", "content": [{"type": "text", "text": "Nothing to do."}]},
        {"role": "user", "content": [{"type": "text", "text": asked}]},
    ]

    answer = player()(talk)

    use = next(block for block in answer.content if block["type"] == "tool_use")
    assert use["name"] == "session_hand_off"
    assert '"at": 1' in use["input"]["form"]["next_step"]


def test_what_is_said_during_a_call_does_not_make_it_forget_the_calls_result() -> None:
    first = player()(body(TASK))
    use = next(block for block in first.content if block["type"] == "tool_use")
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": '{"channel": 7}'}
    talk = body(TASK)
    talk["messages"] += [
        {"role": "assistant", "content": list(first.content)},
        {"role": "user", "content": [result, {"type": "text", "text": HEARD}]},
    ]

    answer = player()(talk)

    said = next(block for block in answer.content if block.get("name") == "message_post")
    assert said["input"]["channel"] == 7
