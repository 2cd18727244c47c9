"""A project's home: what is wanted, what needs you, what happened."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub import clock
from hub.actions import events
from hub.parts import panels, wishes, words, work
from hub.parts.pages import Visit, in_project

LATEST = 12
OBJECTIVES = 5
TASKS = 40


@require_safe
@in_project
def home(visit: Visit) -> HttpResponse:
    """Show a project at a glance, with the box for the next objective."""
    rows = work.rows(visit.project).order_by("-priority", "-number")[:TASKS]
    now = clock.now()
    log = events.visible(visit.actor).select_related("actor", "channel").order_by("-seq")[:LATEST]
    context = {
        "wishes": wishes.wishes(visit.project, OBJECTIVES),
        "columns": work.columns(work.card(row, now) for row in rows),
        "told": words.tell(log, visit.project),
        "panels": panels.render("home", visit.project, {"project": visit.project}),
    }
    topics = ["home", "board", "log"]
    return visit.render("hub/home.html", context, page="home", topics=topics)
