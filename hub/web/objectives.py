"""An objective's page: the wish, its parts, and the timeline of all that happened."""

from datetime import date
from itertools import pairwise
from typing import Any

from django.db.models import DateTimeField, Func, OuterRef, Subquery
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub import clock
from hub.actions import seen
from hub.errors import NotFound
from hub.models import Cursor, DecisionState, Objective
from hub.parts import panels, timeline, wishes, words, work
from hub.parts.pages import Visit, in_project
from hub.parts.timeline import KINDS, Moment

TASKS_SHOWN = 100


@require_safe
@in_project
def objective(visit: Visit, number: int) -> HttpResponse:
    """Show one objective; ?at= goes to a moment of its timeline, ?kind= keeps some of them."""
    row = _load(visit, number)
    found = work.unasked(visit.project).filter(objective=row).order_by("number")
    tasks: list[Any] = list(found[:TASKS_SHOWN])
    scope = timeline.scope(visit.actor, visit.project, row, tasks)
    waiting = [one for one in scope.decisions if one.state == DecisionState.OPEN]
    for task in tasks:
        task.asked = [one for one in waiting if one.task_id == task.pk]
    query = visit.request.GET
    kind = query.get("kind", "") if query.get("kind", "") in KINDS else ""
    key = query.get("at", "")
    at = timeline.find(scope, key) if key else None
    moments = timeline.around(scope, at, [kind] if kind else list(KINDS))
    told = timeline.milestones(scope)
    context: dict[str, Any] = {
        "objective": row,
        "wish": wishes.count(row, [task.state for task in tasks]),
        "cards": [work.card(task, clock.now(row.read_at)) for task in tasks],
        "questions": scope.decisions,
        "rows": _rows(moments, row.seen, key),
        "kind": kind,
        "kinds": KINDS.items(),
        "at": key,
        "first": moments[0].key if len(moments) >= timeline.HALF else "",
        "last": moments[-1].key if at and moments else "",
        "told": told,
        "away": _away(told, row.seen),
        "work": panels.render("objective-work", scope, {"project": visit.project}),
        "panels": panels.render("objective", row, {"project": visit.project}),
    }
    topics = [f"objective:{number}"]
    return visit.render("hub/objective.html", context, page="board", topics=topics)


def _load(visit: Visit, number: int) -> Any:
    """Find an objective with how far the viewer has seen what happened to it."""
    reader = seen.reader_name(visit.actor.member_id, number)
    marks = Cursor.objects.filter(project=OuterRef("project"), reader=reader)
    rows = Objective.objects.filter(project=visit.project, number=number)
    rows = rows.select_related("opened_by", "message__channel")
    read_at = Func(function="clock_timestamp", output_field=DateTimeField())
    row = rows.annotate(seen=Subquery(marks.values("seq")[:1]), read_at=read_at).first()
    if row is None:
        raise NotFound(f"There is no objective {number} here.", code="objective.unknown")
    return row


def _rows(
    moments: list[Moment], seen_upto: int | None, key: str
) -> list[tuple[Moment, date | None, bool, bool]]:
    """Add to each moment the day if it begins one, whether it begins what is new, and `?at=`."""
    fresh = [_is_new(moment, seen_upto) for moment in moments]
    first_new = fresh.index(True) if True in fresh else -1
    days = [moment.at.date() for moment in moments]
    begins = [True, *(before != after for before, after in pairwise(days))]
    return [
        (moment, day if begin else None, number == first_new, moment.key == key)
        for number, (moment, day, begin) in enumerate(zip(moments, days, begins, strict=False))
    ]


def _is_new(moment: Moment, seen_upto: int | None) -> bool:
    return seen_upto is not None and moment.key.isdecimal() and int(moment.key) > seen_upto


def _away(told: list[words.Told], seen_upto: int | None) -> dict[str, Any]:
    """Sum up what changed after the viewer's mark; empty when nothing did or there is no mark."""
    news = [one for one in told if seen_upto is not None and one.event.seq > seen_upto]
    return {"since": seen_upto, "news": news, "first": news[0].event.seq} if news else {}
