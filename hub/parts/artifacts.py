"""Notes and artifacts as the pages of what they belong to show them."""

from collections.abc import Iterator

from django.db.models import QuerySet

from hub.models import Artifact, Event, Task, Visibility

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


panels.add("task", _of_task)


@live.on("artifact.added")
def _added(event: Event) -> Iterator[live.Part]:
    number = event.facts.get("task")
    row = rows().filter(project=event.project, number=live.number_of(event)).first()
    if number and row:
        context = {"artifact": row, "project": event.project}
        yield live.part([f"task:{number}"], "hub/_artifact_live.html", context)
