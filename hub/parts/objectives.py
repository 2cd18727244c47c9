"""What changes on an objective's page while it is open: its head, its tasks, its timeline."""

from collections.abc import Iterator

from hub import access, clock
from hub.models import Event

from . import live, timeline, work

live.topic("objective", access.get_objective)


@live.on("*")
def _happened(event: Event) -> Iterator[live.Part]:
    if event.name in timeline.QUIET or (event.channel and event.channel.kind == "direct"):
        return
    number = timeline.objective_of(event)
    if number is None:
        return
    for moment in timeline.single(event):
        context = {"moment": moment, "project": event.project, "number": number}
        yield live.part([f"objective:{number}"], "hub/_moment_live.html", context)


@live.on("task.")
def _moved(event: Event) -> Iterator[live.Part]:
    number = event.facts.get("objective")
    if number is None:
        return
    row = work.rows(event.project).get(number=live.number_of(event))
    context = {"card": work.card(row, clock.now()), "project": event.project, "number": number}
    opened = event.name == "task.opened"
    template = "hub/_task_row_live.html" if opened else "hub/_task_row.html"
    yield live.part([f"objective:{number}"], template, context)
