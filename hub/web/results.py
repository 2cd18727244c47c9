"""Notes and results of a project or of one objective, newest first."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub import access
from hub.parts import artifacts
from hub.parts.pages import Visit, in_project

PAGE = 50


@require_safe
@in_project
def results(visit: Visit) -> HttpResponse:
    """List them from the newest, or from ?upto= downwards; ?objective= keeps those of one."""
    query = visit.request.GET
    upto, wish = query.get("upto", ""), query.get("objective", "")
    rows = artifacts.rows().filter(project=visit.project).select_related("author", "task")
    objective = access.get_objective(visit.actor, int(wish[:9])) if wish.isdecimal() else None
    if objective:
        rows = rows.filter(objective=objective)
    if upto.isdecimal():
        rows = rows.filter(number__lte=int(upto[:9]))
    found = list(rows[: PAGE + 1])
    context = {
        "artifacts": found[:PAGE],
        "older": found[PAGE].number if len(found) > PAGE else None,
        "objective": objective,
    }
    topics = [] if upto else [f"objective:{objective.number}" if objective else "results"]
    return visit.render("hub/results.html", context, page="results", topics=topics)
