"""A provider for tests, and how to put it in the place of the rehearsal."""

from typing import Any

from agents.providers.base import Answer, Request, Stop, ToolUse


class Played:
    """A provider for tests: gives the answers it was made with, then ends its turns."""

    name = "rehearsal"
    wants_history = False
    models = {}

    def __init__(self, *answers: tuple[str, list[ToolUse]]) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def respond(self, request: Request, stop: Stop) -> Answer:
        self.requests.append(request)
        if not self.answers:
            return Answer(text="", calls=(), is_last=True, state={})
        text, calls = self.answers.pop(0)
        return Answer(text=text, calls=tuple(calls), is_last=False, state={})


def use(name: str, **arguments: Any) -> ToolUse:
    return ToolUse(id=f"use-{name}", name=name, arguments=arguments)


def say(text: str) -> ToolUse:
    return use("message_post", channel="project", text=text)
