"""Plays a rehearsal's script as a model behind the Messages API: from the conversation alone.

It finds its role, task and news in what it is sent, plays the conversation through from its
beginning to learn where it stands, and gives the next answer. It keeps nothing between requests.
"""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from agents.compose import HEARD
from agents.policy import script as scripts
from agents.providers.base import Answer, Exchange, Request, ToolOutcome, ToolUse
from agents.providers.messages.conversation import GO_ON
from agents.providers.rehearsal import Rehearsal
from hub.policy.roles import roles

from . import fake_shift
from .fake_rules import contents
from .fake_wire import Says, text, thought

WHO = re.compile(r"You are (\S+), (.+?) in the project ")
ENVELOPE = r"<message-(\w+) [^>]*>\n(.*?)\n</message-\1>"
TASK = re.compile(r"Task #\d+ \([^)]*\):\n" + ENVELOPE, re.DOTALL)
BRIEF = re.compile(r"Your brief:\n" + ENVELOPE, re.DOTALL)
ITEM = re.compile(
    r"^\[(\d+)\] (\S+) by (.*?) in (\S*)\n<message-(\w+) [^>]*>\n(.*?)\n?</message-\5>",
    re.DOTALL | re.MULTILINE,
)


@dataclass
class _Turn:
    prompt: str
    exchanges: list[Exchange] = field(default_factory=list)


def player(script: str = "wordcount"):
    """Give a player of a bundled script, for FakeMessages."""

    def play(body: dict[str, Any]) -> Says:
        return _says(_next(script, body), body)

    return play


def _says(answer: Answer, body: dict[str, Any]) -> Says:
    number = sum(message["role"] == "assistant" for message in body["messages"])
    uses = [
        {
            "type": "tool_use",
            "id": f"toolu_{number:04}_{use.id}".replace("-", "_"),
            "name": use.name,
            "input": dict(use.arguments),
        }
        for use in answer.calls
    ]
    said = [text(answer.text or "Nothing to do.")] if answer.text or not uses else []
    thinks = [thought(f"Answer {number}: what does the script say?")] if uses else []
    reason = "tool_use" if uses else "end_turn"
    return Says(content=(*thinks, *said, *uses), stop_reason=reason)


def _next(script: str, body: dict[str, Any]) -> Answer:
    system = "\n".join(block["text"] for block in body["system"])
    found = WHO.search(system)
    assert found, system
    agent = found[1]
    role = next(name for name, it in roles().items() if it.title.lower() == found[2])
    turns = _turns(body["messages"])
    task, brief = _first(TASK, turns), _first(BRIEF, turns)
    state: Any = fake_shift.received(turns[0].prompt)
    part = scripts.load(script).part(role, task.partition(":")[0])
    answer = None
    for turn in turns:
        news = _news(turn.prompt)
        for count in range(len(turn.exchanges) + (turn is turns[-1])):
            answer = Rehearsal().respond(
                Request(
                    role=role,
                    agent=agent,
                    task=task.partition(":")[0],
                    brief=brief,
                    script=script,
                    system=system,
                    prompt=turn.prompt,
                    news=news,
                    exchanges=tuple(turn.exchanges[:count]),
                    tools=fake_shift.tools(turn.prompt, is_first=not count),
                    state=state,
                ),
                lambda: "",
            )
            state = answer.state
    assert answer is not None
    return fake_shift.written(answer, part)


def _first(pattern: re.Pattern[str], turns: list[_Turn]) -> str:
    return next((found[2] for turn in turns if (found := pattern.search(turn.prompt))), "")


def _turns(messages: list[dict[str, Any]]) -> list[_Turn]:
    """Cut the conversation into turns: each text that the model was told begins one.

    What was said to it while it worked belongs to the answer before.
    """
    turns: list[_Turn] = []
    uses: dict[str, dict[str, Any]] = {}
    for message in messages:
        blocks = contents(message)
        if message["role"] == "assistant":
            uses = {block["id"]: block for block in blocks if block["type"] == "tool_use"}
            if not uses:
                turns[-1].exchanges.append(Exchange(text="", outcomes=()))
            continue
        outcomes = [_outcome(uses, block) for block in blocks if block["type"] == "tool_result"]
        if outcomes:
            turns[-1].exchanges.append(Exchange(text="", outcomes=tuple(outcomes)))
        for words in [block["text"] for block in blocks if block["type"] == "text"]:
            if words.startswith(HEARD):
                last = turns[-1].exchanges[-1]
                turns[-1].exchanges[-1] = replace(last, heard_news=_news(words))
            elif words != GO_ON:
                turns.append(_Turn(words))
    return turns


def _outcome(uses: dict[str, dict[str, Any]], block: dict[str, Any]) -> ToolOutcome:
    use = uses[block["tool_use_id"]]
    try:
        value = json.loads(block["content"])
    except ValueError:
        value = None
    return ToolOutcome(
        use=ToolUse(id=use["id"], name=use["name"], arguments=use["input"]),
        text=block["content"],
        is_error=block.get("is_error", False),
        value=value,
    )


def _news(prompt: str) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "seq": int(seq),
            "name": name,
            "actor": actor,
            "where": where,
            **_facts_and_text(inside),
        }
        for seq, name, actor, where, _nonce, inside in ITEM.findall(prompt)
    )


def _facts_and_text(inside: str) -> dict[str, Any]:
    first, _, rest = inside.partition("\n")
    try:
        facts = json.loads(first) if first.startswith("{") else None
    except ValueError:
        facts = None
    if isinstance(facts, dict):
        return {"facts": facts, "text": rest}
    return {"facts": {}, "text": inside}
