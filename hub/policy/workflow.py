"""The order of a task's phases, as data, and the rule for moving on."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hub.errors import Conflict, Invalid

FOLDER = Path(__file__).resolve().parent.parent / "workflows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow: its phases in order, who leads each, and where each may lead.

    A round is one more "fix"; after `max_rounds` a person decides.
    """

    title: str
    max_rounds: int
    roles: Mapping[str, str]
    edges: Mapping[str, tuple[str, ...]]

    @property
    def first(self) -> str:
        """Name the phase a task starts in."""
        return next(iter(self.roles))


@cache
def proceed() -> Workflow:
    """Read the proceed workflow: plan, implement, test, review, fix, document."""
    table = tomllib.loads((FOLDER / "proceed.toml").read_text(encoding="utf-8"))
    return Workflow(
        title=table["title"],
        max_rounds=table["max_rounds"],
        roles={phase["name"]: phase["role"] for phase in table["phases"]},
        edges={phase["name"]: tuple(phase["next"]) for phase in table["phases"]},
    )


def advance(workflow: Workflow, *, phase: str, to: str, rounds: int) -> int:
    """Check a move between phases and give the number of rounds after it.

    Raises Invalid for an unknown phase, Conflict for a move out of order or one round too many.
    """
    if to not in workflow.edges:
        known = ", ".join(workflow.edges)
        raise Invalid(f"There is no phase {to}; the phases are {known}.", code="phase.unknown")
    possible = workflow.edges[phase] if phase else (workflow.first,)
    if to not in possible:
        here = phase or "the start"
        raise Conflict(
            f"From {here} the task can go to {' or '.join(possible)}, not to {to}.",
            code="phase.order",
            phase=phase,
        )
    after = rounds + (to == "fix")
    if after > workflow.max_rounds:
        raise Conflict(
            f"The task has had {workflow.max_rounds} rounds of fixing; ask a person how to go on.",
            code="phase.rounds",
            rounds=rounds,
        )
    return after
