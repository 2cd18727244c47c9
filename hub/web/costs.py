"""Where the money went: charts, budgets and the whole ledger as a file."""

import csv
import io
from collections.abc import Iterable

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub import clock, registry
from hub.actions import costs as sums
from hub.actions.costs import ChargeOut
from hub.parts import costs as shown
from hub.parts import meters
from hub.parts.pages import Visit, in_project

MAX_ROWS = 100_000
COLUMNS = tuple(ChargeOut.model_fields)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_safe
@in_project
def costs(visit: Visit) -> HttpResponse:
    """Show budgets, what everything cost, and what is odd about it."""
    project = visit.project
    rows = shown.by_model_and_day(project)
    total = shown.total(rows)
    now = clock.now()
    days = shown.days(rows, now.date(), in_tokens=total.in_tokens)
    context = {
        "meters": meters.meters(project, now=now),
        "total": total,
        "days": days,
        "peak": max(days, key=lambda day: day.height),
        "charts": [
            *shown.breakdowns(project, in_tokens=total.in_tokens),
            shown.models(rows, in_tokens=total.in_tokens),
        ],
        "flagged": shown.flagged(project),
    }
    return visit.render("hub/costs.html", context, page="costs", topics=["costs"])


@require_safe
@in_project
def ledger(visit: Visit) -> HttpResponse:
    """Give the ledger as CSV, after the row that ?after= names, 100 000 rows at most.

    A `Link` header leads to the rest. A cell that a spreadsheet would take for a formula begins
    with an apostrophe.
    """
    given = visit.request.GET.get("after", "")
    after = int(given[:12]) if given.isascii() and given.isdecimal() else 0
    if not visit.actor.may(registry.find("cost.rows").needs):
        raise PermissionDenied
    rows = list(sums.ledger(visit.actor).filter(number__gt=after)[: MAX_ROWS + 1])
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(rows[:MAX_ROWS]))
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"{visit.project.slug}-costs.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    if len(rows) > MAX_ROWS:
        answer["Link"] = f'<?after={rows[MAX_ROWS - 1].number}>; rel="next"'
    return answer


def _cells(rows: Iterable[object]) -> Iterable[list[object]]:
    for row in rows:
        values = ChargeOut.model_validate(row).model_dump(mode="json")
        yield [safe(values[name]) for name in COLUMNS]


def safe(value: object) -> object:
    """Keep a text from being run by a spreadsheet. Source: OWASP, CSV Injection."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value
