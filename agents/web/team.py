"""What each agent does now, for the rail and for the cards of the team page."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.urls import reverse

from agents import casting
from agents.models import Entry, Session, SessionState
from hub.models import Project, RoleSettings
from hub.parts import team
from hub.parts.panels import Panel
from hub.registry import ACTIONS

from .words import state_words

SHIFT_CHANGE = "session.shift_change"
ENDED_SHOWN = 40
DOTS = {
    SessionState.QUEUED: "idle",
    SessionState.STARTING: "working",
    SessionState.RUNNING: "working",
    SessionState.WAITING_USER: "waiting",
    SessionState.WAITING_CAPACITY: "waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """What an agent's card shows of its session; `latest` is its transcript's last line."""

    session: Session
    model: str
    share: int
    limit_tokens: int
    latest: str
    latest_at: datetime | None


def doing(project: Project, members: Collection[int], *, detail: bool) -> dict[int, team.Doing]:
    """Say what agents do, in one query; with `detail` also what their cards show."""
    live = Session.objects.live().filter(project=project, member__in=members)
    rows: QuerySet[Any] = (_detailed(live) if detail else live).select_related("task", "objective")
    rows = rows.order_by("number")
    return {row.member_id: _doing(project, row, detail=detail) for row in rows}


def _doing(project: Project, row: Any, *, detail: bool) -> team.Doing:
    held = f"#{row.task.number} " if row.task else ""
    asleep = row.state == SessionState.RUNNING and not row.activity
    at_work = _at_work(row) if detail else None
    return team.Doing(
        state="idle" if row.paused_at or asleep else DOTS[SessionState(row.state)],
        words=held + state_words(row),
        url=reverse("session", args=[project.slug, row.number]),
        is_rehearsal=row.is_rehearsal,
        share=at_work.share if at_work else 0,
        row=at_work,
    )


def _detailed(rows: QuerySet[Session]) -> QuerySet[Any]:
    chosen = RoleSettings.objects.filter(project=OuterRef("project"), role=OuterRef("role"))
    newest = Entry.objects.filter(session=OuterRef("pk")).order_by("-seq")
    line = newest.values(seen=JSONObject(at="at", kind="kind", title="title"))
    return rows.annotate(
        role_limit=Subquery(chosen.values("context_limit_tokens")[:1]),
        role_model=Subquery(chosen.values("model")[:1]),
        latest=Subquery(line[:1]),
    )


def _at_work(row: Any) -> AtWork:
    limit = casting.limit_of(row, row.role_limit, row.model or row.role_model or "")
    latest = row.latest or {}
    return AtWork(
        session=row,
        model=row.model or row.role_model or "",
        share=min(100, 100 * row.context_tokens // limit),
        limit_tokens=limit,
        latest=_spoken(latest),
        latest_at=datetime.fromisoformat(latest["at"]) if latest else None,
    )


def _spoken(entry: Mapping[str, str]) -> str:
    words = {"said": "spoke", "note": "noted", "error": "met trouble", "read": "read its inbox"}
    kind = entry.get("kind", "")
    return words.get(kind) or entry.get("title", "")


def facts(mates: Iterable[team.Mate]) -> dict[int, list[Panel]]:
    """Make the panels of the cards: task, context, last line."""
    return {
        mate.member.pk: [("agents/_on_card.html", {"work": mate.row, "name": mate.member.name})]
        for mate in mates
        if mate.row
    }


def buttons(mates: Iterable[team.Mate]) -> dict[int, list[Panel]]:
    """Make what can be done with an agent: steer, pause, shift change where there is one, end."""
    context = {"shift_change": SHIFT_CHANGE if SHIFT_CHANGE in ACTIONS else ""}
    return {
        mate.member.pk: [("agents/_card_buttons.html", {**context, "session": mate.row.session})]
        for mate in mates
        if mate.row
    }


def ended(project: Project) -> list[Panel]:
    """Make the list of the sessions that are over."""
    rows = Session.objects.filter(project=project, ended_at__isnull=False)
    found = rows.select_related("member", "task").order_by("-number")[:ENDED_SHOWN]
    return [("agents/_on_team.html", {"sessions": list(found)})]
