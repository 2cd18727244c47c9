"""What needs a person: one list of cards."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub.parts import asking
from hub.parts.pages import Visit, in_project

DECIDED = 20


@require_safe
@in_project
def decisions(visit: Visit) -> HttpResponse:
    """Show every open card, and below what was decided last."""
    context = {"decided": asking.decided(visit.project, DECIDED)}
    topics = ["decisions"]
    return visit.render("hub/decisions.html", context, page="decisions", topics=topics)
