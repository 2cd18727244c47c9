"""Notes and artifacts as the pages of what they belong to show them."""

from collections.abc import Iterator

from django.db.models import QuerySet

from hub.models import Artifact, Event, Objective, Task, Visibility

from . import live, panels
from .panels import Panel

SHOWN = 20


def rows() -> QuerySet[Artifact]:
    """Select artifacts with all that their part shows, the newest first."""
    found = Artifact.objects.exclude(visibility=Visibility.DEBUG)
    return found.select_related("author").order_by("-number")


def _of_task(row: Task) -> list[Panel]:
    found = list(rows().filter(task=row)[:SHOWN])
    return [("hub/_artifacts.html", {"artifacts": found})]


def _of_objective(row: Objective) -> list[Panel]:
    found = list(rows().filter(objective=row)[:SHOWN])
    return [("hub/_artifacts.html", {"artifacts": found, "all_of": row.number})]


panels.add("task", _of_task)
panels.add("objective", _of_objective)


@live.on("artifact.added")
def _added(event: Event) -> Iterator[live.Part]:
    topics = ["results"]
    topics += [
        f"{kind}:{event.facts[kind]}" for kind in ("task", "objective") if kind in event.facts
    ]
    row = rows().filter(project=event.project, number=live.number_of(event)).first()
    if row:
        context = {"artifact": row, "project": event.project}
        yield live.part(topics, "hub/_artifact_live.html", context)
