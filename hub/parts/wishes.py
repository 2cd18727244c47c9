"""Objectives as the home page shows them, and the log's newest line."""

from collections.abc import Iterator
from dataclasses import dataclass

from hub.models import Event, Objective, Project, Task, TaskState

from . import live, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An objective with its tasks counted; shares are 0 to 100."""

    objective: Objective
    tasks: int
    done: int
    busy: int

    @property
    def done_share(self) -> int:
        """Share of the tasks that are done, 0 to 100."""
        return round(100 * self.done / self.tasks) if self.tasks else 0

    @property
    def busy_share(self) -> int:
        """Share of the tasks that are done or being worked on, 0 to 100."""
        return round(100 * (self.done + self.busy) / self.tasks) if self.tasks else 0


def wishes(project: Project, limit: int) -> list[Wish]:
    """Load the newest objectives with their progress, in two queries."""
    rows = Objective.objects.filter(project=project).select_related("opened_by", "message__channel")
    found = list(rows.order_by("-number")[:limit])
    states = Task.objects.filter(objective__in=found).values_list("objective_id", "state")
    counted = list(states)
    return [count(row, [state for pk, state in counted if pk == row.pk]) for row in found]


def count(row: Objective, states: list[str]) -> Wish:
    """Count an objective's tasks by their states."""
    kept = [state for state in states if state != TaskState.DROPPED]
    return Wish(
        objective=row,
        tasks=len(kept),
        done=kept.count(TaskState.DONE),
        busy=kept.count(TaskState.CLAIMED),
    )


def _load(project: Project, number: int) -> Wish:
    rows = Objective.objects.select_related("opened_by", "message__channel")
    row = rows.get(project=project, number=number)
    return count(row, list(row.tasks.values_list("state", flat=True)))


@live.on("objective.")
def _changed(event: Event) -> Iterator[live.Part]:
    context = {"wish": _load(event.project, live.number_of(event)), "project": event.project}
    opened = event.name == "objective.opened"
    template = "hub/_objective_live.html" if opened else "hub/_objective.html"
    yield live.part(["home"], template, context)
    place = [f"objective:{live.number_of(event)}"]
    yield live.part(place, "hub/_objective.html", context)


@live.on("task.")
def _progress(event: Event) -> Iterator[live.Part]:
    number = event.facts.get("objective")
    if number:
        context = {"wish": _load(event.project, number), "project": event.project}
        yield live.part(["home", f"objective:{number}"], "hub/_objective.html", context)


@live.on("*")
def _logged(event: Event) -> Iterator[live.Part]:
    if event.channel is None or event.channel.kind != "direct":
        context = {"told": words.told(event, event.project), "project": event.project}
        yield live.part(["log"], "hub/_event_live.html", context)
