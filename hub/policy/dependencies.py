"""Which task may wait for which, and why a task waits, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


def makes_cycle(edges: Mapping[int, Iterable[int]], task: int, blocker: int) -> bool:
    """Tell whether letting `task` wait for `blocker` would close a circle.

    `edges` maps a task to the tasks it waits for, unresolved ones only.
    """
    stack, seen = [blocker], set()
    while stack:
        at = stack.pop()
        if at == task:
            return True
        if at not in seen:
            seen.add(at)
            stack.extend(edges.get(at, ()))
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What `why` needs to know of a task; `session` is the holder's session in words."""

    state: str
    holder: str = ""
    assignee: str = ""
    lease_until: datetime | None = None
    blockers: tuple[str, ...] = ()
    questions: tuple[int, ...] = ()
    paused: bool = False
    outcome: str = ""
    stopped_rounds: int = 0


def why(task: Situation, now: datetime) -> str:
    """Say in one or two sentences what a task is waiting for."""
    if task.state in {"done", "dropped"}:
        return f"It is {task.state}. {task.outcome}".strip()
    reasons = []
    if task.paused:
        reasons.append("The project is paused.")
    if task.blockers:
        reasons.append(f"It waits for {', '.join(task.blockers)}.")
    reasons += _for_people(task)
    if task.state == "claimed":
        left = _left(task.lease_until - now) if task.lease_until else "0 s"
        reasons.append(f"{task.holder} works on it; the claim lapses in {left} unless renewed.")
    elif task.assignee and not task.blockers:
        reasons.append(f"It waits for {task.assignee} to take it.")
    elif not task.blockers:
        reasons.append("Nobody has taken it; anybody with the right to work may.")
    return " ".join(reasons)


def _for_people(task: Situation) -> list[str]:
    reasons = []
    if task.stopped_rounds:
        rounds = task.stopped_rounds
        reasons.append(f"It is stopped after {rounds} rounds of fixing; a person decides.")
    if task.questions:
        numbers = ", ".join(str(number) for number in task.questions)
        reasons.append(f"It waits for a person to answer question {numbers}.")
    return reasons


def _left(time: timedelta) -> str:
    seconds = max(0, int(time.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"
