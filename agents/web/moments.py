"""What sessions did, as moments of an objective's timeline: tool calls and words, folded."""

import re
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse

from agents.models import Entry, EntryKind, PullRequest, Session
from hub.parts.panels import Panel
from hub.parts.timeline import HALF, Moment, Scope

from .words import state_words

KEY = re.compile(r"s([0-9]{1,9})\.([0-9]{1,9})")
ICONS = {EntryKind.SAID: "message-square", EntryKind.ERROR: "triangle-alert"}
SHOWN = {"tools": (EntryKind.TOOL, EntryKind.ERROR), "chat": (EntryKind.SAID,)}


class Sessions:
    """The timeline's source of sessions and pull requests."""

    def subjects(self, scope: Scope) -> Iterable[str]:
        """Load the objective's sessions and changes, and name them."""
        mine = Q(objective=scope.objective) | Q(task__objective=scope.objective)
        sessions = Session.objects.filter(mine, project=scope.project)
        pulls = PullRequest.objects.filter(task__objective=scope.objective)
        scope.kept["sessions"] = list(sessions.select_related("member", "task").order_by("number"))
        scope.kept["pulls"] = list(pulls.select_related("opened_by", "task").order_by("number"))
        yield from (f"session:{row.number}" for row in scope.kept["sessions"])
        yield from (f"pull:{row.number}" for row in scope.kept["pulls"])

    def find(self, scope: Scope, key: str) -> datetime | None:
        """Tell when a transcript's line was written."""
        match = KEY.fullmatch(key)
        if match is None:
            return None
        rows = Entry.objects.filter(session__in=scope.kept["sessions"])
        rows = rows.filter(session__number=int(match[1]), seq=int(match[2]))
        return rows.values_list("at", flat=True).first()

    def around(self, scope: Scope, at: datetime | None, kinds: Collection[str]) -> list[Moment]:
        """Load the lines around a time, without their texts."""
        wanted = [found for kind in kinds for found in SHOWN.get(kind, ())]
        sessions = {row.pk: row for row in scope.kept["sessions"]}
        if not wanted or not sessions:
            return []
        rows = Entry.objects.filter(session__in=sessions, kind__in=wanted).defer("text")
        return [_moment(entry, sessions[entry.session_id], scope) for entry in _near(rows, at)]


def _near(rows: QuerySet[Entry], at: datetime | None) -> QuerySet[Entry]:
    if at is None:
        return rows.order_by("-at", "-pk")[: 2 * HALF]
    before = rows.filter(at__lt=at).order_by("-at", "-pk")[:HALF]
    return before.union(rows.filter(at__gte=at).order_by("at", "pk")[:HALF])


def _moment(entry: Entry, session: Session, scope: Scope) -> Moment:
    here = [scope.project.slug, session.number]
    is_bad = entry.kind == EntryKind.ERROR or bool(entry.exit_code)
    return Moment(
        key=f"s{session.number}.{entry.seq}",
        at=entry.at,
        order=(0, session.number, entry.seq),
        kind="chat" if entry.kind == EntryKind.SAID else "tools",
        actor=session.member,
        icon=ICONS.get(EntryKind(entry.kind), "terminal"),
        sentence="said to itself" if entry.kind == EntryKind.SAID else entry.title,
        badge="" if entry.exit_code is None else f"exit {entry.exit_code}",
        is_bad=is_bad,
        unfold=reverse("entry", args=[*here, entry.seq]),
        whole=f"{reverse('session', args=here)}?before={entry.seq + 1}#entry-{entry.seq}",
    )


def work(scope: Scope) -> list[Panel]:
    """Make the panel of an objective's sessions and changes, of what its scope has loaded."""
    context = {
        "sessions": [(row, state_words(row)) for row in scope.kept["sessions"]],
        "pulls": scope.kept["pulls"],
    }
    return [("agents/_on_objective.html", context)]
