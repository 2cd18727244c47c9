"""The order of a task's phases, as data, and the rule for moving on."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hub.errors import Conflict, Invalid

PLAN = re.compile(r"[\W_]*plan\b", re.IGNORECASE)
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


def check_known(workflow: Workflow, phase: str) -> None:
    """Raise Invalid for a phase that the workflow does not have."""
    if phase not in workflow.edges:
        known = ", ".join(workflow.edges)
        raise Invalid(f"There is no phase {phase}; the phases are {known}.", code="phase.unknown")


def check_order(workflow: Workflow, *, phase: str, to: str) -> None:
    """Check a move between phases: Invalid for an unknown one, Conflict for one out of order."""
    check_known(workflow, to)
    possible = workflow.edges[phase] if phase else (workflow.first,)
    if to not in possible:
        here = phase or "the start"
        raise Conflict(
            f"From {here} the task can go to {' or '.join(possible)}, not to {to}.",
            code="phase.order",
            phase=phase,
        )


def is_plan(text: str) -> bool:
    """Tell whether a message is a plan: its first word is Plan, in any case and emphasis."""
    return bool(PLAN.match(text))


def phases_of(workflow: Workflow, role: str) -> tuple[str, ...]:
    """Name the phases that a role works in; none for one that leads or is outside of it."""
    if role == workflow.roles[workflow.first]:
        return ()
    return tuple(phase for phase, worker in workflow.roles.items() if worker == role)
