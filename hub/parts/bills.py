"""What a task, a session or a turn cost: panels of their pages, and what changes live."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, QuerySet, Sum

from hub.actions import costs as sums
from hub.models import Budget, Charge, Event, Project, Task
from hub.policy import costs as policy
from hub.policy.prices import Tokens, is_free

from . import live, panels
from .meters import RELATED, Meter, meters
from .panels import Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a task or a session cost so far, with the budget that caps it."""

    key: str
    micro_usd: int
    calls: int
    tokens: Tokens
    is_free: bool
    meter: Meter | None

    @property
    def replay(self) -> float:
        """How often each token was read again."""
        return policy.replay(self.tokens)


def of_task(task: Task, project: Project) -> Cost:
    """Load what a task cost."""
    caps = Budget.objects.filter(task=task).select_related(*RELATED)
    found = meters(project, caps)
    rows = sums.booked(project).filter(task=task)
    return _cost(f"task-{task.number}", rows, found[0] if found else None)


def of_session(number: int, project: Project) -> Cost:
    """Load what a session cost."""
    return _cost(f"session-{number}", sums.booked(project).filter(session=number), None)


def _cost(key: str, rows: "QuerySet[Charge]", meter: Meter | None) -> Cost:
    found = rows.aggregate(**sums.SUMS, provider=Max("provider"))
    return Cost(
        key=key,
        micro_usd=found["micro_usd"],
        calls=found["calls"],
        tokens=sums.tokens(found),
        is_free=found["micro_usd"] == 0 and is_free(found["provider"] or ""),
        meter=meter,
    )


def of_turns(project: Project, session: int, turns: Iterable[int]) -> dict[int, int]:
    """Load what some turns of a session cost, in micro-USD; free ones are left out."""
    rows = sums.booked(project).filter(session=session, turn__in=list(turns), micro_usd__gt=0)
    sum_by_turn = rows.values("turn").annotate(micro_usd=Sum("micro_usd"))
    return dict(sum_by_turn.values_list("turn", "micro_usd"))


def _on_task(task: Task) -> list[Panel]:
    return [("hub/_cost_panel.html", {"cost": of_task(task, task.project)})]


def _on_session(row: Any) -> list[Panel]:
    return [("hub/_cost_panel.html", {"cost": of_session(row.number, row.project)})]


panels.add("task", _on_task)
panels.add("session", _on_session)


@live.on("budget.", "session.turn")
def _spent(event: Event) -> Iterator[live.Part]:
    project = event.project
    yield live.part(["costs"], "hub/_meters.html", {"meters": meters(project), "project": project})
    if not event.name.startswith("session."):
        return
    number = live.number_of(event)
    shown = {"cost": of_session(number, project), "project": project}
    yield live.part([f"session:{number}"], "hub/_cost.html", shown)
    last = Charge.objects.filter(project=project, session=number).select_related("task")
    charge = last.order_by("-number").first()
    if charge and charge.task:
        shown = {"cost": of_task(charge.task, project), "project": project}
        yield live.part([f"task:{charge.task.number}"], "hub/_cost.html", shown)
