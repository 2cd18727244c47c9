"""A provider that costs money: says what it was told to, with the usage it was told to say."""

from collections.abc import Callable
from typing import Any

from agents.providers.base import Answer, Request, Stop, ToolUse, Usage
from agents.providers.sizes import whole

MODEL = "claude-opus-5-5"
SMALL = Usage(input_tokens=1_000, output_tokens=100)  # 6000 micro-USD at 4 and 20 a token
Step = tuple[str, list[ToolUse]] | Exception | Callable[[Request, Stop], Answer]


class Counted:
    """Gives its steps one after the other, raises those that are errors, then ends its turns."""

    name = "counted"
    wants_history = False
    models = {"strong": MODEL, "standard": MODEL, "light": MODEL}

    def __init__(self, *steps: Step, usage: Usage | None = SMALL) -> None:
        self.steps = list(steps)
        self.usage = usage
        self.sizes: list[int] = []

    def respond(self, request: Request, stop: Stop) -> Answer:
        self.sizes.append(whole(request))
        if not self.steps:
            return Answer(text="", calls=(), is_last=True, state={}, usage=self.usage)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        if callable(step):
            return step(request, stop)
        text, calls = step
        return Answer(text=text, calls=tuple(calls), is_last=False, state={}, usage=self.usage)


def answer(text: str = "", **more: Any) -> Answer:
    values: dict[str, Any] = {"calls": (), "is_last": True, "state": {}, "usage": SMALL}
    return Answer(text=text, **{**values, **more})
