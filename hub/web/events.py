"""The event log as a page: newest first, by subject, in steps."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub.actions import events
from hub.parts import words
from hub.parts.pages import Visit, in_project

PAGE = 100


@require_safe
@in_project
def log(visit: Visit) -> HttpResponse:
    """Show the log from its end, or from ?upto= downwards; ?about=task:12 keeps one subject."""
    query = visit.request.GET
    upto, about = query.get("upto", ""), query.get("about", "")[:64]
    rows = events.visible(visit.actor).select_related("actor", "channel").order_by("-seq")
    if upto.isdecimal():
        rows = rows.filter(seq__lte=int(upto[:18]))
    if about:
        rows = rows.filter(subject=about)
    found = list(rows[: PAGE + 1])
    context = {
        "told": words.tell(found[:PAGE], visit.project),
        "older": found[PAGE].seq if len(found) > PAGE else None,
        "about": about,
        "is_last": not upto,
    }
    topics = ["log"] if not upto and not about else []
    return visit.render("hub/events.html", context, page="events", topics=topics)
