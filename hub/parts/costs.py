"""Where the money went, as the cost page shows it: sums, charts, and what is odd."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Max
from django.db.models.functions import TruncDate
from django.urls import reverse

from hub.actions import costs as sums
from hub.models import Charge, Project
from hub.policy import costs as policy
from hub.policy.prices import Tokens, is_free

from .meters import share

DAYS = 30
CHART_HEIGHT = 64
SLICES = 12
FLAGGED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What one thing cost; `share` is 0 to 100 of the dearest one of its chart."""

    name: str
    url: str
    micro_usd: int
    tokens: int
    calls: int
    replay: float
    is_free: bool
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Things of one kind by what they cost, the dearest first."""

    key: str
    title: str
    slices: list[Slice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a day cost; `height` is 0 to 100 of the dearest day, `at` its place in the row."""

    day: date
    at: int
    micro_usd: int
    tokens: int
    calls: int
    height: float

    @property
    def size(self) -> float:
        """Height of the column in a chart of CHART_HEIGHT; a small day is still seen."""
        return round(max(self.height * CHART_HEIGHT / 100, 1.5), 2)

    @property
    def top(self) -> float:
        """Where the column begins."""
        return round(CHART_HEIGHT - self.size, 2)


@dataclass(slots=True, kw_only=True)
class Total:
    """Sums over everything; `in_tokens` tells that no call cost money, so sizes are compared."""

    micro_usd: int = 0
    calls: int = 0
    free_calls: int = 0
    tokens: Tokens = field(default_factory=Tokens)

    @property
    def in_tokens(self) -> bool:
        """Tell whether sizes are shown instead of money."""
        return self.micro_usd == 0

    @property
    def replay(self) -> float:
        """How often each token was read again."""
        return policy.replay(self.tokens)

    @property
    def advice(self) -> str:
        """Say what that means."""
        return policy.advice(self.replay)


def by_model_and_day(project: Project) -> list[dict[str, Any]]:
    """Sum the ledger by provider, model and day, in one query; totals are told from it."""
    rows = sums.booked(project).annotate(day=TruncDate("at")).values("provider", "model", "day")
    found: list[Any] = list(rows.annotate(**sums.SUMS).order_by("day"))
    return found


def total(rows: Iterable[dict[str, Any]]) -> Total:
    """Sum up what `by_model_and_day` gave."""
    found = Total()
    for row in rows:
        found.micro_usd += row["micro_usd"]
        found.calls += row["calls"]
        found.free_calls += row["calls"] if is_free(row["provider"]) else 0
        found.tokens = _added(found.tokens, sums.tokens(row))
    return found


def _added(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(**{name: getattr(one, name) + getattr(other, name) for name in policy.FIELDS})


def days(rows: Iterable[dict[str, Any]], today: date, *, in_tokens: bool) -> list[Day]:
    """Make the columns of the last 30 days, the empty ones too."""
    found: dict[date, list[int]] = {}
    for row in rows:
        day = found.setdefault(row["day"], [0, 0, 0])
        for place, value in enumerate((row["micro_usd"], sums.tokens(row).total, row["calls"])):
            day[place] += value
    shown = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    values = [found.get(day, [0, 0, 0]) for day in shown]
    unit = 1 if in_tokens else 0
    top = max(value[unit] for value in values)
    return [
        Day(
            day=day,
            at=at,
            micro_usd=value[0],
            tokens=value[1],
            calls=value[2],
            height=share(value[unit], top),
        )
        for at, (day, value) in enumerate(zip(shown, values, strict=True))
    ]


def models(rows: Iterable[dict[str, Any]], *, in_tokens: bool) -> Chart:
    """Chart the models."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["provider"], row["model"])
        one = found.setdefault(key, dict.fromkeys(sums.SUMS, 0) | {"provider": key[0]})
        for name in sums.SUMS:
            one[name] += row[name]
    named = [(model or provider, "", one) for (provider, model), one in found.items()]
    return _chart("models", "By model", named, in_tokens=in_tokens)


def breakdowns(project: Project, *, in_tokens: bool) -> list[Chart]:
    """Chart objectives, tasks and agents, each in one query."""
    slug = project.slug
    unnamed = {"objective": "no objective", "task": "no task"}
    kinds = (
        ("objective", "By objective", ("objective__number", "objective__title")),
        ("task", "By task", ("task__number", "task__name")),
        ("member", "By agent", ("member_id", "member__name")),
    )
    charts = []
    for kind, title, (number, name) in kinds:
        rows = (
            sums.booked(project)
            .values(number, name)
            .annotate(**sums.SUMS, provider=Max("provider"))
        )
        named = [
            (
                row[name] or unnamed[kind],
                _url(slug, kind, row[number]) if row[number] else "",
                row,
            )
            for row in rows
        ]
        charts.append(_chart(f"{kind}s", title, named, in_tokens=in_tokens))
    return charts


def _url(slug: str, kind: str, number: int) -> str:
    if kind == "task":
        return reverse("task", args=[slug, number])
    if kind == "objective":
        return reverse("home", args=[slug]) + f"#objective-{number}"
    return reverse("team", args=[slug]) + f"#member-{number}"


def _chart(
    key: str, title: str, named: list[tuple[str, str, dict[str, Any]]], *, in_tokens: bool
) -> Chart:
    def value(row: dict[str, Any]) -> int:
        return sums.tokens(row).total if in_tokens else int(row["micro_usd"])

    ordered = sorted(named, key=lambda one: (-value(one[2]), one[0]))[:SLICES]
    top = max((value(row) for _, _, row in ordered), default=0)
    return Chart(
        key=key,
        title=title,
        slices=[
            Slice(
                name=name,
                url=url,
                micro_usd=row["micro_usd"],
                tokens=sums.tokens(row).total,
                calls=row["calls"],
                replay=policy.replay(sums.tokens(row)),
                is_free=row["micro_usd"] == 0 and is_free(row["provider"]),
                share=share(value(row), top),
            )
            for name, url, row in ordered
        ],
    )


def flagged(project: Project) -> list[Charge]:
    """Load the newest calls that something is odd about."""
    rows = sums.booked(project).filter(sums.FLAGGED).select_related("member", "task")
    return list(rows.order_by("-number")[:FLAGGED])
