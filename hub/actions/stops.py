"""A task that was stopped after too many rounds of fixing: what it refuses, and its question."""

from hub import identify
from hub.actor import Actor
from hub.errors import Conflict
from hub.models import Decision, DecisionKind, Task

from . import decisions


def refuse(row: Task) -> None:
    """Refuse what would walk around the question whether a stopped task goes on."""
    if row.stopped_at is not None:
        raise Conflict(
            f"#{row.number} is stopped after {row.rounds} rounds of fixing; the people were asked "
            "how to go on. End your turn: their answer wakes you.",
            code="task.stopped",
        )


def withdraw(actor: Actor, row: Task) -> None:
    """Take back the question about a stopped task that goes on or has ended otherwise."""
    cards = Decision.objects.open().filter(task=row, kind=DecisionKind.ESCALATION)
    for card in cards.select_related("task", "channel", "objective", "message"):
        decisions.cancel(identify.of_hub(row.project_id).at(actor.now), card)
