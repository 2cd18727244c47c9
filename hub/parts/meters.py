"""Budgets as bars: what is spent, what is reserved, and where it leads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min, Sum

from hub import clock
from hub.actions import budgets
from hub.models import Budget, BudgetScope, Charge, Project
from hub.policy import costs as policy
from hub.policy.costs import usd

RELATED = ("project", "objective", "task", "member")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A budget as one bar; shares are 0 to 100 and lie over one another, the widest first."""

    budget: Budget
    words: str
    outlook: str
    tone: str
    spent: float
    reserved: float
    forecast: float


def meters(
    project: Project, rows: Iterable[Budget] | None = None, now: datetime | None = None
) -> list[Meter]:
    """Load a project's budgets, each with where it leads at the pace of the last 24 hours."""
    if rows is None:
        rows = Budget.objects.filter(project=project).select_related(*RELATED).order_by("pk")
    found = list(rows)
    if not found:
        return []
    now = now or clock.now()
    recent: list[Any] = list(
        Charge.objects.filter(project=project, at__gt=now - policy.DAY, micro_usd__gt=0)
        .values("objective_id", "task_id", "member_id")
        .annotate(micro_usd=Sum("micro_usd"), first_at=Min("at"))
    )
    return [_meter(row, [one for one in recent if _counts(row, one)], now) for row in found]


def _counts(row: Budget, recent: Mapping[str, Any]) -> bool:
    if row.scope == BudgetScope.PROJECT:
        return True
    names = ("objective_id", "task_id", "member_id")
    return any(getattr(row, name) and getattr(row, name) == recent[name] for name in names)


def _meter(row: Budget, recent: Sequence[Mapping[str, Any]], now: datetime) -> Meter:
    cost = sum(one["micro_usd"] for one in recent)
    first_at = min((one["first_at"] for one in recent), default=now)
    age = now - first_at if cost >= row.spent_micro_usd else policy.DAY  # else some is older
    ahead = policy.forecast(cost, age, row.left_micro_usd)
    cap, spent = row.cap_micro_usd, row.spent_micro_usd
    used = spent + row.reserved_micro_usd
    return Meter(
        budget=row,
        words=budgets.words(row),
        outlook=_outlook(row, ahead),
        tone="bad" if spent >= cap else "waiting" if policy.warns(spent, cap) else "",
        spent=share(spent, cap),
        reserved=share(used, cap),
        forecast=share(used + ahead.a_day_micro_usd, cap),
    )


def _outlook(row: Budget, ahead: policy.Forecast) -> str:
    if row.spent_micro_usd >= row.cap_micro_usd:
        over = row.spent_micro_usd - row.cap_micro_usd
        return f"Spent{f', {usd(over)} over' if over else ''}: what it pays for waits."
    if ahead.lasts is None:
        return "Nothing was spent in the last 24 hours."
    return f"At {usd(ahead.a_day_micro_usd)} a day it lasts {span(ahead.lasts)}."


def span(length: timedelta) -> str:
    """Say how long something lasts: minutes, hours or days."""
    minutes = length.total_seconds() / 60
    if minutes < 100:
        return f"{minutes:.0f} min"
    if minutes < 60 * 48:
        return f"{minutes / 60:.0f} h"
    return f"{minutes / 60 / 24:.0f} days" if minutes < 60 * 24 * 1_000 else "years"


def share(part: float, whole: float) -> float:
    """Give a part of a whole as 0 to 100."""
    return round(min(max(100 * part / whole, 0), 100), 2) if whole else 0.0
