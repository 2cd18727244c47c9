"""Tasks as the board and their own page show them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet

from hub import clock, identify
from hub.actions import board
from hub.models import Decision, Event, Project, Task, TaskDependency, TaskState
from hub.policy.workflow import proceed

from . import live

FULL_LEASE_S = 900
COLUMNS = {
    "needs": "Needs you",
    "waiting": "Waiting",
    "ready": "Ready",
    "working": "Working",
    "done": "Done",
}
PHASES = {
    "plan": "planning",
    "implement": "implementing",
    "test": "testing",
    "review": "in review",
    "fix": "fixing",
    "document": "documenting",
}
TONES = {"needs": "waiting", "working": "information", "done": "good"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One step of the workflow as seen from a task: past, now or next."""

    name: str
    when: str
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A task ready to be shown; `lease_share` is 0 to 100."""

    task: Task
    column: str
    words: str
    tone: str
    blockers: list[Task]
    lease_share: int
    phases: list[Phase]


def rows(project: Project) -> QuerySet[Task]:
    """Select a project's tasks with all that their part shows, in a fixed number of queries."""
    asked = Prefetch("decisions", Decision.objects.open(), to_attr="asked")
    return unasked(project).prefetch_related(asked)


def unasked(project: Project) -> QuerySet[Task]:
    """Select tasks for a page that knows the decisions itself: it sets `asked` on each."""
    waits = TaskDependency.objects.filter(resolved_at=None).select_related("blocker")
    return (
        Task.objects.filter(project=project)
        .select_related("holder", "assignee", "objective", "channel", "opened_by", "project")
        .prefetch_related(Prefetch("dependencies", waits, to_attr="unresolved"))
    )


def card(task: Any, now: datetime) -> Card:
    """Make a task from `rows` ready."""
    blockers = [edge.blocker for edge in task.unresolved]
    column = _column(task, blockers)
    return Card(
        task=task,
        column=column,
        words=_words(task, column),
        tone="" if task.state == TaskState.DROPPED else TONES.get(column, ""),
        blockers=[] if column == "done" else blockers,
        lease_share=_share(task, now),
        phases=_phases(task),
    )


def _column(task: Any, blockers: list[Task]) -> str:
    if task.state in {TaskState.DONE, TaskState.DROPPED}:
        return "done"
    if task.asked:
        return "needs"
    if task.state == TaskState.CLAIMED:
        return "working"
    return "waiting" if blockers else "ready"


def _words(task: Task, column: str) -> str:
    if column == "done":
        return task.get_state_display()
    if column == "working":
        return PHASES.get(task.phase, "working")
    return {"needs": "waiting for your answer", "waiting": "waiting", "ready": "ready"}[column]


def _share(task: Task, now: datetime) -> int:
    if task.lease_until is None:
        return 0
    left = (task.lease_until - now).total_seconds()
    return round(100 * min(1.0, max(0.0, left / FULL_LEASE_S)))


def _phases(task: Task) -> list[Phase]:
    names = list(proceed().roles)
    if task.phase not in names:
        return []
    at = names.index(task.phase)
    return [
        Phase(
            name=name,
            when=_when(task, name, number - at),
            rounds=task.rounds if name == "fix" else 0,
        )
        for number, name in enumerate(names)
    ]


def _when(task: Task, name: str, distance: int) -> str:
    """Place a step before, at or after the task's; a finished task has no step now."""
    if task.state == TaskState.DONE:
        return "past" if distance <= 0 or (name == "fix" and task.rounds) else "next"
    return "past" if distance < 0 else "now" if distance == 0 else "next"


def columns(cards: Iterable[Card]) -> list[tuple[str, str, list[Card]]]:
    """Sort cards into the board's columns: key, title, cards."""
    sorted_in: dict[str, list[Card]] = {key: [] for key in COLUMNS}
    for found in cards:
        sorted_in[found.column].append(found)
    return [(key, title, sorted_in[key]) for key, title in COLUMNS.items()]


def why(project: Project, task: Task) -> str:
    """Say what a task waits for, as the hub sees it."""
    now = clock.now()
    return board.explain(replace(identify.of_hub(project.pk, "page"), clock=now), task)


def parts(project: Project, number: int) -> Iterator[live.Part]:
    """Render a task's card on the board and its state on its own page."""
    found = card(rows(project).get(number=number), clock.now())
    context = {"card": found, "project": project, "why": why(project, found.task)}
    yield live.part(["board"], "hub/_task_live.html", context)
    yield live.part([f"task:{number}"], "hub/_task_detail.html", context)


@live.on("task.")
def _changed(event: Event) -> Iterator[live.Part]:
    yield from parts(event.project, live.number_of(event))


@live.on("decision.")
def _asked(event: Event) -> Iterator[live.Part]:
    if "task" in event.facts:
        yield from parts(event.project, event.facts["task"])
