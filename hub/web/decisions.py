"""What needs a person: one list of cards."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub.models import DecisionKind
from hub.parts import asking
from hub.parts.pages import Visit, in_project

DECIDED = 20


@require_safe
@in_project
def decisions(visit: Visit) -> HttpResponse:
    """Show every open card, or with ?kind= those of one kind, and below what was decided last."""
    wanted = visit.request.GET.get("kind", "")
    kind = wanted if wanted in DecisionKind.values else ""
    asked = asking.waiting(visit.project)
    context = {
        "asked": asking.together(row for row in asked if kind in {"", row.kind}),
        "kinds": asking.kinds(asked),
        "kind": kind,
        "waiting": asked,
        "decided": asking.decided(visit.project, DECIDED, kind),
    }
    return visit.render("hub/decisions.html", context, page="decisions", topics=["decisions"])
