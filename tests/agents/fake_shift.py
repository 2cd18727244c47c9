"""How the fake player changes shift: its place in the script goes over in the form it writes."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agents import handing
from agents.policy import script as scripts
from agents.policy.script import Step
from agents.providers.base import Answer, ToolSpec, ToolUse
from agents.providers.rehearsal import HAND_OVER, TAKE_OVER

ASKED = handing.ASK.partition("(")[0]
TAKES_OVER = handing.TAKE_OVER.partition("{")[0]
NEXT_STEP = re.compile(r"^next step: (\{.*\})$", re.MULTILINE)
MAX_PLACE_CHARS = 2_000  # of a form's next_step


def tools(prompt: str, *, is_first: bool) -> tuple[ToolSpec, ...]:
    """Give what a shift change offers in a turn that was told this prompt."""
    names = [HAND_OVER] if prompt.startswith(ASKED) else []
    names += [TAKE_OVER] if is_first and prompt.startswith(TAKES_OVER) else []
    return tuple(ToolSpec(name=name, description="", schema={}) for name in names)


def received(prompt: str) -> dict[str, Any]:
    """Read the place where a conversation begins: only a successor's first prompt holds one.

    Hand-offs are told in channels, too; what stands there is somebody else's place.
    """
    if not prompt.startswith(TAKES_OVER):
        return {}
    found = NEXT_STEP.search(prompt)
    assert found, f"the hand-off names no place: {prompt}"
    place: dict[str, Any] = json.loads(found[1])
    return place


def written(answer: Answer, part: Sequence[Step]) -> Answer:
    """Write the place in the script into the hand-off of an answer, if it has one."""
    return replace(answer, calls=tuple(_placed(use, answer.state, part) for use in answer.calls))


def _placed(use: ToolUse, state: Mapping[str, Any], part: Sequence[Step]) -> ToolUse:
    if use.name != HAND_OVER:
        return use
    form = {**use.arguments["form"], "next_step": _place(state, part)}
    return replace(use, arguments={"form": form})


def _place(state: Mapping[str, Any], part: Sequence[Step]) -> str:
    """Say where a part stands, with the variables and the news that its other steps want."""
    left = part[state["at"] :]
    named = {name for step in left for name in [*scripts.FIELD.findall(repr(step)), *step.when]}
    place = {
        "at": state["at"],
        "variables": {name: it for name, it in state["variables"].items() if name in named},
        "news": [item for item in state["news"] if _is_wanted(item, left)],
    }
    text = json.dumps(place)
    assert len(text) <= MAX_PLACE_CHARS, text
    return text


def _is_wanted(item: Mapping[str, Any], left: Sequence[Step]) -> bool:
    return any(scripts.match(step.waits, [item]) is not None for step in left)
