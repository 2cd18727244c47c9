"""The rehearsal: a provider that plays its part from a script, with real tools and real effects."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agents.policy import script as scripts
from agents.policy.script import Step

from . import sizes
from .base import Answer, JudgeRequest, Request, Stop, ToolUse, Verdict

HAND_OVER = "session_hand_off"
TAKE_OVER = "session_acknowledge_handoff"


class Rehearsal:
    """Plays `request.role` (and task) from `request.script`; keeps its place in the state.

    A step whose news has not come yet ends the turn; the next turn looks again.
    """

    name = "rehearsal"
    wants_history = False
    models: Mapping[str, str] = {}

    def respond(self, request: Request, stop: Stop) -> Answer:  # noqa: ARG002 - it takes no time
        """Give the next step of the part, or nothing while it waits.

        Its usage is told from the size of what was asked and said, as if a cache were read.
        """
        said = self._next(request)
        return replace(said, usage=sizes.usage(request, said))

    def _next(self, request: Request) -> Answer:
        state = _State.of(request)
        shift = self._shift(request, state)
        if shift is not None:
            return shift
        steps = scripts.load(request.script).part(request.role, request.task)
        while state.at < len(steps) and not steps[state.at].applies(state.variables):
            state.at += 1
        if state.at >= len(steps):
            return state.answer("", (), is_last=True)
        step = steps[state.at]
        if step.waits and not state.take(step):
            return state.answer("", (), is_last=True)
        return state.play(step, is_end=state.at + 1 >= len(steps))

    def judge(self, question: JudgeRequest) -> Verdict | None:  # noqa: ARG002 - a script judges nobody
        """Judge nothing."""
        return None

    def carried(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let a successor play on from the same place of the script."""
        return state

    def _shift(self, request: Request, state: "_State") -> Answer | None:
        """Hand over or take over when the tools for it are there, without moving in the script."""
        offered = {tool.name for tool in request.tools}
        if HAND_OVER in offered:
            state.saves = []
            calls = () if request.exchanges else (_form(state),)
            return state.answer("", calls, is_last=not calls)
        if TAKE_OVER in offered:
            state.saves = []
            words = f"I play on from step {state.at + 1} of the part."
            use = ToolUse(id="take-over", name=TAKE_OVER, arguments={"words": words})
            return state.answer("", (use,), is_last=False)
        return None


def _form(state: "_State") -> ToolUse:
    """Write the hand-off of a part: how far it was played, and what it still waits for."""
    form = {
        "done": [f"Played {state.at} steps of the part."],
        "remaining": [f"The steps of the part from {state.at + 1} on."],
        "decisions": [],
        "questions": [],
        "branch": "",
        "commit": "",
        "uncommitted_files": [],
        "passing": [],
        "failing": [],
        "leases": [],
        "next_step": f"Play step {state.at + 1} of the part.",
    }
    return ToolUse(id="hand-over", name=HAND_OVER, arguments={"form": form})


class _State:
    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.at: int = stored.get("at", 0)
        self.variables: dict[str, Any] = dict(stored.get("variables", {}))
        self.news: list[dict[str, Any]] = list(stored.get("news", []))
        self.saves: list[dict[str, str]] = list(stored.get("saves", []))

    @classmethod
    def of(cls, request: Request) -> "_State":
        state = cls(request.state)
        state.variables.update(scripts.facts_of(request.brief))
        state.variables.update(agent=request.agent, task=request.task, brief=request.brief)
        if not request.exchanges:
            state.news.extend(dict(item) for item in request.news)
        else:
            state.learn(request)
        return state

    def learn(self, request: Request) -> None:
        """Keep the fields of the last calls' answers that the script wants to know."""
        self.news.extend(dict(item) for item in request.exchanges[-1].heard_news)
        outcomes = request.exchanges[-1].outcomes
        for save, outcome in zip(self.saves, outcomes, strict=False):
            if isinstance(outcome.value, Mapping):
                self.variables.update({name: outcome.value.get(key) for name, key in save.items()})

    def take(self, step: Step) -> bool:
        """Use up the news a step waits for; its facts become variables."""
        index = scripts.match(step.waits, self.news)
        if index is None:
            return False
        item = self.news[index]
        del self.news[index]
        self.variables.update({f"news.{key}": value for key, value in item["facts"].items()})
        self.variables["news.message"] = item["facts"].get("message", item["seq"])
        self.variables["news.actor"] = item["actor"]
        self.variables["news.text"] = item["text"]
        return True

    def play(self, step: Step, *, is_end: bool) -> Answer:
        """Make a step's answer and move on."""
        calls = tuple(
            ToolUse(
                id=f"step{self.at}-{index}",
                name=call.tool,
                arguments=scripts.fill(dict(call.arguments), self.variables),
            )
            for index, call in enumerate(step.calls, 1)
        )
        self.saves = [dict(call.save) for call in step.calls]
        self.at += 1
        say = str(scripts.fill(step.say, self.variables))
        return self.answer(say, calls, is_last=is_end and not calls)

    def answer(self, text: str, calls: tuple[ToolUse, ...], *, is_last: bool) -> Answer:
        """Give an answer with the state to keep."""
        state = {
            "at": self.at,
            "variables": self.variables,
            "news": self.news,
            "saves": self.saves,
        }
        return Answer(text=text, calls=calls, is_last=is_last, state=state)
