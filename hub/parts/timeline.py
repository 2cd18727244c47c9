"""One timeline of an objective: chat, tool calls, files and states of all its tasks, in order.

The hub gives what its log says; applications above add their own moments with `source`.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from hub.actions import events
from hub.actor import Actor
from hub.models import Decision, Event, Member, Message, Objective, Project, Task

from . import words

KINDS = {"chat": "Chat", "tools": "Tool calls", "files": "Files", "states": "States"}
ICONS = {"chat": "message-square", "files": "git-commit-horizontal", "states": "circle-dot"}
QUIET = ("session.turn", "message.reacted", "message.edited", "channel.created", "channel.archived")
FILES = ("workspace.committed", "pull.moved", "pull.ready", "pull.merged")
MILESTONES = (
    *("objective.opened", "objective.succeeded", "objective.failed", "objective.canceled"),
    *("task.opened", "task.claimed", "task.done", "task.dropped", "task.advanced"),
    *("pull.opened", "pull.merged", "decision.asked", "decision.answered"),
)
MILESTONES_SHOWN = 40
HALF = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose moments: an objective's, with its tasks and what applications keep of it."""

    actor: Actor
    project: Project
    objective: Objective
    tasks: list[Task]
    decisions: list[Decision]
    kept: dict[str, Any] = field(default_factory=dict)
    subjects: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened. `key` is its permanent name: an event's number, or "s3.45".

    `order` sorts what happened at the same time. `html` is sanitised chat; `unfold` an address
    that gives a longer text when somebody asks for it, `whole` the page where it stands.
    """

    key: str
    at: datetime
    order: tuple[int, int, int]
    kind: str
    actor: Member
    icon: str
    sentence: str
    link: str = ""
    linked: str = ""
    html: str = ""
    badge: str = ""
    is_bad: bool = False
    unfold: str = ""
    whole: str = ""


class Source(Protocol):
    """What an application adds: subjects of events that belong, and moments of its own."""

    def subjects(self, scope: Scope) -> Iterable[str]:
        """Name its rows that belong to the objective, as subjects of events."""
        ...

    def find(self, scope: Scope, key: str) -> datetime | None:
        """Tell when the moment of a key was, if it is one of its own."""
        ...

    def around(self, scope: Scope, at: datetime | None, kinds: Collection[str]) -> list[Moment]:
        """Load at most HALF moments before `at` and HALF from it on; without it the last ones."""
        ...


_sources: list[Source] = []


def source(found: Source) -> None:
    """Register an application's source."""
    _sources.append(found)


def scope(actor: Actor, project: Project, objective: Objective, tasks: list[Task]) -> Scope:
    """Gather what belongs to an objective."""
    mine = Q(objective=objective) | Q(task__objective=objective)
    asked = Decision.objects.filter(mine, project=project)
    related = ("asker", "task", "answered_by")
    found = Scope(
        actor=actor,
        project=project,
        objective=objective,
        tasks=tasks,
        decisions=list(asked.select_related(*related).order_by("number")),
    )
    found.subjects.add(f"objective:{objective.number}")
    found.subjects.update(f"task:{task.number}" for task in tasks)
    found.subjects.update(f"decision:{row.number}" for row in found.decisions)
    for one in _sources:
        found.subjects.update(one.subjects(found))
    return found


def _events(scope: Scope) -> QuerySet[Event]:
    rooms = [task.channel_id for task in scope.tasks if task.channel_id]
    belongs = Q(subject__in=scope.subjects) | Q(channel_id__in=rooms)
    if scope.objective.message is not None:
        belongs |= Q(seq=scope.objective.message.seq)
    rows: QuerySet[Event] = events.visible(scope.actor).filter(belongs)
    return rows.exclude(name__in=QUIET)


def find(scope: Scope, key: str) -> datetime | None:
    """Tell when the moment of a key was; of a number that is no moment here, the one before it."""
    if key.isascii() and key.isdecimal():
        rows = _events(scope).filter(seq__lte=int(key[:18])).order_by("-seq")
        return rows.values_list("at", flat=True).first()
    found = (one.find(scope, key[:40]) for one in _sources)
    return next((at for at in found if at), None)


def around(scope: Scope, at: datetime | None, kinds: Collection[str]) -> list[Moment]:
    """Load the moments around a time, oldest first; without one the last.

    At most HALF before it and HALF from it on, of the kinds, in one query per source.
    """
    found = [_moment(event, scope.project) for event in _near(scope, at, kinds)]
    for one in _sources:
        found += one.around(scope, at, kinds)
    found.sort(key=lambda moment: (moment.at, moment.order))
    if at is None:
        return found[-2 * HALF :]
    before = [moment for moment in found if moment.at < at]
    after = [moment for moment in found if moment.at >= at]
    return [*before[-HALF:], *after[:HALF]]


def _near(scope: Scope, at: datetime | None, kinds: Collection[str]) -> QuerySet[Event]:
    said = Message.objects.filter(project=OuterRef("project"), seq=OuterRef("seq"))
    rows = _events(scope).filter(_of_kinds(kinds)).annotate(html=Subquery(said.values("html")[:1]))
    rows = rows.select_related("actor", "channel")
    if at is None:
        return rows.order_by("-seq")[: 2 * HALF]
    before = rows.filter(at__lt=at).order_by("-seq")[:HALF]
    return before.union(rows.filter(at__gte=at).order_by("seq")[:HALF])


def _of_kinds(kinds: Collection[str]) -> Q:
    said, files = Q(name="message.posted"), Q(name__in=FILES)
    wanted = {"chat": said, "files": files, "states": ~(said | files)}
    found = Q(pk=None)
    for kind in kinds:
        found |= wanted.get(kind, Q(pk=None))
    return found


def _moment(event: Any, project: Project) -> Moment:
    told = words.told(event, project)
    is_said = event.name == "message.posted"
    kind = "chat" if is_said else "files" if event.name in FILES else "states"
    place = reverse("message", args=[project.slug, event.seq]) if is_said else told.link
    return Moment(
        key=str(event.seq),
        at=event.at,
        order=(1, 0, event.seq),
        kind=kind,
        actor=event.actor,
        icon="git-merge" if event.name == "pull.merged" else ICONS[kind],
        sentence=told.sentence,
        link=place,
        linked=told.linked,
        html=getattr(event, "html", None) or "",
    )


def milestones(scope: Scope) -> list[words.Told]:
    """Tell the turns of the story, oldest first: what the timeline's links jump to."""
    rows = _events(scope).filter(name__in=MILESTONES).select_related("actor", "channel")
    found = list(rows.order_by("-seq")[:MILESTONES_SHOWN])
    return words.tell(reversed(found), scope.project)


def objective_of(event: Event) -> int | None:
    """Give the number of the objective that an event belongs to, by its task or its channel."""
    named: int | None = event.facts.get("objective")
    task = event.facts.get("task")
    kind, _, number = event.subject.partition(":")
    if kind == "objective":
        return int(number)
    if named or event.name in QUIET:
        return named
    rows = Task.objects.filter(project=event.project, objective__isnull=False)
    if kind == "task" or task:
        rows = rows.filter(number=task or number)
    elif event.channel_id:
        rows = rows.filter(channel=event.channel_id)
    else:
        return None
    return rows.values_list(F("objective__number"), flat=True).first()


def single(event: Event) -> Iterator[Moment]:
    """Make the moment of one event that just happened."""
    rows = Message.objects.filter(project=event.project, seq=event.seq)
    event.html = rows.values_list("html", flat=True).first()  # type: ignore[attr-defined]
    yield _moment(event, event.project)
