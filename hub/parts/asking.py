"""What waits for a person: the cards and the strip on every page."""

from collections.abc import Iterator

from hub.models import Decision, DecisionState, Event, Project

from . import live, talk


def waiting(project: Project) -> list[Decision]:
    """Load the open decisions: what holds a task first, then the oldest."""
    rows = Decision.objects.open().filter(project=project)
    rows = rows.select_related("asker", "task", "channel").order_by("number")
    return sorted(rows, key=lambda row: (row.task_id is None, row.number))


def decided(project: Project, limit: int) -> list[Decision]:
    """Load what was decided last."""
    rows = Decision.objects.filter(project=project).exclude(state=DecisionState.OPEN)
    related = ("asker", "task", "answered_by")
    return list(rows.select_related(*related).order_by("-answered_at")[:limit])


@live.on("decision.")
def _changed(event: Event) -> Iterator[live.Part]:
    rows = Decision.objects.select_related("asker", "task", "answered_by", "message", "channel")
    row = rows.get(project=event.project, number=live.number_of(event))
    context = {"decision": row, "project": event.project}
    if row.channel and row.message:
        shown = talk.load(event.project, row.message.seq)
        said = {"said": shown, "project": event.project}
        yield live.part([f"channel:{row.channel.number}"], "hub/_message.html", said)
    template = "hub/_card_live.html" if event.name == "decision.asked" else "hub/_card.html"
    yield live.part(["decisions"], template, context)
    strip = {"decisions": waiting(event.project), "project": event.project}
    yield live.part(["project"], "hub/_needs.html", strip)
