"""Trouble as its page shows it, and what of it changes live."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from hub.models import Event, Project, Severity, Trouble, TroubleState

from . import live, words

FILTERS = {
    "unresolved": ("Unresolved", (TroubleState.OPEN, TroubleState.ACKNOWLEDGED)),
    "open": ("Not acknowledged", (TroubleState.OPEN,)),
    "resolved": ("Resolved", (TroubleState.RESOLVED,)),
    "all": ("All", tuple(TroubleState)),
}
TONES = {"warning": "waiting", "error": "bad", "critical": "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A trouble ready to be shown; `link` leads to what it is about, `linked` are its words."""

    row: Trouble
    tone: str
    link: str
    linked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One choice of what is listed."""

    key: str
    title: str
    count: int


def rows(project: Project) -> QuerySet[Trouble]:
    """Select a project's troubles with all that their part shows."""
    related = ("owner", "reporter", "acknowledged_by", "resolved_by", "message__channel")
    return Trouble.objects.filter(project=project).select_related(*related)


def show(row: Trouble, project: Project) -> Shown:
    """Make one trouble ready."""
    link, linked = words.place(row.subject, project)
    return Shown(row=row, tone=TONES[row.severity], link=link, linked=linked)


def urgency(row: Trouble) -> tuple[bool, int]:
    """Order what nobody looks after first, and there the worst; the order else stays."""
    return row.state != TroubleState.OPEN, -list(Severity).index(Severity(row.severity))


def filters(project: Project) -> list[Filter]:
    """Count what each filter keeps."""
    states = Trouble.objects.filter(project=project).values_list("state").order_by()
    counted = dict(states.annotate(count=Count("pk")))
    return [
        Filter(key=key, title=title, count=sum(counted.get(state, 0) for state in kept))
        for key, (title, kept) in FILTERS.items()
    ]


@live.on("trouble.")
def _changed(event: Event) -> Iterator[live.Part]:
    row = rows(event.project).get(number=live.number_of(event))
    context = {"one": show(row, event.project), "project": event.project}
    is_new = event.name == "trouble.reported"
    template = "hub/_trouble_live.html" if is_new else "hub/_trouble.html"
    yield live.part(["troubles"], template, context)
    open_ones = Trouble.objects.filter(project=event.project, state=TroubleState.OPEN).count()
    rail = {"count": open_ones, "project": event.project}
    yield live.part(["project"], "hub/_trouble_count.html", rail)
