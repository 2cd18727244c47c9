"""A session's page: what the agent read, said and did, turn by turn; steer, pause, end."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from agents import access
from agents.models import Entry
from hub import clock
from hub.parts import panels
from hub.parts.pages import Visit, in_project

from . import handoffs, parts

PAGE = 150


@require_safe
@in_project
def session(visit: Visit, number: int) -> HttpResponse:
    """Show a session's last entries, or with ?before= the ones above a number."""
    row = access.get_session(visit.actor, number)
    entries = Entry.objects.filter(session=row).select_related("turn").order_by("-seq")
    before = visit.request.GET.get("before", "")
    if before.isdecimal():
        entries = entries.filter(seq__lt=int(before[:9]))
    found = list(entries[: PAGE + 1])
    context = {
        "session": row,
        "words": parts.state_words(row),
        "turns": parts.priced(visit.project, number, parts.shown(found[:PAGE][::-1])),
        "older": found[PAGE - 1].seq if len(found) > PAGE else None,
        "is_last": not before,
        "children": list(row.children.select_related("member").order_by("number")),
        "parent": row.parent,
        **handoffs.shifts_of(row),
        "panels": panels.render("session", row, {"project": visit.project}),
        "next_turn_at": row.due_at if row.due_at and row.due_at > clock.now() else None,
    }
    topics = [f"session:{number}"]
    return visit.render("agents/session.html", context, page="team", topics=topics)
