"""What waits for a person: the cards, their order, and the strip on every page."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hub.models import Decision, DecisionKind, DecisionState, Event, Project, TaskDependency
from hub.policy.blocking import behind

from . import live, talk


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The open cards of one task together, or one card that belongs to none."""

    key: str
    rows: list[Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of card that can be looked at alone."""

    name: str
    words: str
    count: int


def waiting(project: Project) -> list[Decision]:
    """Load the open decisions: what holds most first, then the oldest; `waits` says how many."""
    rows = Decision.objects.open().filter(project=project)
    found = list(rows.select_related("asker", "task", "channel").order_by("number"))
    weigh(project, found)
    return sorted(found, key=_order)


def weigh(project: Project, rows: Iterable[Any]) -> None:
    """Write on each decision, as `waits`, how many tasks wait for the one it holds."""
    holding = [row for row in rows if row.task_id is not None]
    edges = TaskDependency.objects.filter(task__project=project, resolved_at=None)
    found: defaultdict[int, list[int]] = defaultdict(list)
    for task, blocker in edges.values_list("task_id", "blocker_id") if holding else ():
        found[blocker].append(task)
    for row in holding:
        row.waits = len(behind(found, row.task_id))


def _order(row: Any) -> tuple[int, int]:
    return (-1 - row.waits if row.task_id else 0, row.number)


def together(rows: Iterable[Decision]) -> list[Asked]:
    """Put the cards of one task together, where the first of them stands."""
    found: dict[str, list[Decision]] = {}
    for row in rows:
        found.setdefault(key_of(row), []).append(row)
    return [Asked(key=key, rows=cards) for key, cards in found.items()]


def key_of(row: Decision) -> str:
    """Name the place of a card in the list: its task's, or its own."""
    return f"task-{row.task.number}" if row.task else f"alone-{row.number}"


def kinds(rows: Iterable[Decision]) -> list[Kind]:
    """Count the cards by kind; kinds of which there is none are left out."""
    counts = Counter(row.kind for row in rows)
    words = {
        DecisionKind.QUESTION: "Questions",
        DecisionKind.REVIEW: "Reviews",
        DecisionKind.BUDGET: "Budgets",
        DecisionKind.BRAKE: "Brakes",
        DecisionKind.ESCALATION: "Escalations",
    }
    return [
        Kind(name=kind.value, words=words[kind], count=counts[kind])
        for kind in DecisionKind
        if counts[kind]
    ]


def decided(project: Project, limit: int, kind: str = "") -> list[Decision]:
    """Load what was decided last."""
    rows = Decision.objects.filter(project=project).exclude(state=DecisionState.OPEN)
    rows = rows.filter(kind=kind) if kind else rows
    related = ("asker", "task", "answered_by")
    return list(rows.select_related(*related).order_by("-answered_at")[:limit])


@live.on("decision.")
def _changed(event: Event) -> Iterator[live.Part]:
    rows = Decision.objects.select_related("asker", "task", "answered_by", "message", "channel")
    row = rows.get(project=event.project, number=live.number_of(event))
    weigh(event.project, [row])
    context: dict[str, Any] = {"decision": row, "project": event.project}
    if row.channel and row.message:
        shown = talk.load(event.project, row.message.seq)
        said = {"said": shown, "project": event.project}
        yield live.part([f"channel:{row.channel.number}"], "hub/_message.html", said)
    open_ones = waiting(event.project)
    if event.name == "decision.asked":
        yield from _added(row, open_ones, context)
    else:
        yield live.part(["decisions", "home"], "hub/_card.html", context)
    strip = {"decisions": open_ones, "project": event.project}
    yield live.part(["project"], "hub/_needs.html", strip)


def _added(
    row: Decision, open_ones: list[Decision], context: dict[str, Any]
) -> Iterator[live.Part]:
    key = key_of(row)
    joins = any(key_of(one) == key for one in open_ones if one.pk != row.pk)
    place = {**context, "key": "" if joins else key, "list": f"asked-{key}" if joins else "asked"}
    yield live.part(["decisions"], "hub/_card_live.html", place)
    yield live.part(["home"], "hub/_card_live.html", {**context, "list": "asked-first"})
