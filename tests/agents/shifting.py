"""What tests of shift changes share: a good form, agents with grown conversations, a crash."""

from typing import Any

from agents.models import Handoff, Session, Turn
from agents.providers.base import Answer, Request, Stop, ToolUse, Usage
from hub import clock

from .played import Played, use
from .stage import Set

FORM: dict[str, Any] = {
    "done": ["read the code", "wrote the pattern", "wrote a test", "ran it"],
    "remaining": ["the apostrophe at the end", "the documents"],
    "decisions": ["one pattern, because two were slower"],
    "questions": [],
    "branch": "parley/1-repair",
    "commit": "",
    "uncommitted_files": [],
    "passing": ["python -m unittest tests.words"],
    "failing": ["python -m unittest tests.lines: 1 of 3"],
    "leases": ["#1 repair"],
    "next_step": "Make tests.lines pass.",
}
LIMIT = 120_000
HAND_OVER = "session_hand_off"


class Crash(BaseException):
    """What kills a worker: not an Exception, so nothing handles it."""


class Grown(Played):
    """A provider whose answers fill the conversation to a part of the limit, answer by answer."""

    def __init__(self, *answers: tuple[str, list[ToolUse]], used: tuple[int, ...] = ()) -> None:
        super().__init__(*answers)
        self.used = list(used)

    def respond(self, request: Request, stop: Stop) -> Answer:
        answer = super().respond(request, stop)
        tokens = LIMIT * (self.used.pop(0) if self.used else 1) // 100
        usage = Usage(input_tokens=tokens)
        return Answer(
            text=answer.text, calls=answer.calls, is_last=answer.is_last, state={}, usage=usage
        )


def hand_over(**changes: Any) -> ToolUse:
    return use(HAND_OVER, form={**FORM, **changes})


def working(stage: Set, role: str = "implementer", **options: Any) -> Session:
    """Start an agent on a task and let it take its first turn."""
    stage.act("task.open", title="Repair the words", name="repair")
    row = stage.start(role, task=1, **options)
    stage.run_all()
    row.refresh_from_db()
    return row


def fill(row: Session, percent: int) -> None:
    """Let a conversation have grown, and its agent be due."""
    tokens = LIMIT * percent // 100
    Session.objects.filter(pk=row.pk).update(context_tokens=tokens, due_at=clock.now())


def heir(row: Session) -> Session:
    return Session.objects.select_related("member").get(predecessor=row)


def handed(row: Session) -> Handoff:
    return Handoff.objects.get(predecessor=row)


def runners(task: int = 1) -> int:
    """Count the sessions of a task that could take a turn: never more than one."""
    live = Session.objects.live().filter(task__number=task, relieved_at=None)
    return live.count()


def turns_of(row: Session) -> int:
    return Turn.objects.filter(session=row).count()
