"""The errors page: what went wrong, who looks after it, and since when."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub.parts import troubles
from hub.parts.pages import Visit, in_project

SHOWN = 100


@require_safe
@in_project
def errors(visit: Visit) -> HttpResponse:
    """Show trouble, what nobody looks after first; ?show= names one of the filters."""
    wanted = visit.request.GET.get("show", "")
    chosen = wanted if wanted in troubles.FILTERS else "unresolved"
    _, states = troubles.FILTERS[chosen]
    found = troubles.rows(visit.project).filter(state__in=states).order_by("-number")[:SHOWN]
    ranked = sorted(found, key=troubles.urgency)
    context = {
        "troubles": [troubles.show(row, visit.project) for row in ranked],
        "filters": troubles.filters(visit.project),
        "chosen": chosen,
    }
    return visit.render("hub/errors.html", context, page="errors", topics=["troubles"])
