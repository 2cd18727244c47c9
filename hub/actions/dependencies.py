"""What waits for what: edges between tasks, made and resolved in one transaction."""

from django.db.models import Exists, OuterRef

from hub import access, fast
from hub.actor import Actor
from hub.errors import Conflict
from hub.models import Task, TaskDependency, TaskState
from hub.policy.dependencies import makes_cycle
from hub.registry import action
from hub.schemas import TaskOut, TaskRef, TaskRefs

from . import events


@action(
    "task.block", needs="plan", returns=TaskOut, chat="BLOCKED", chat_fields={"waiting-for": "by"}
)
def block(actor: Actor, task: TaskRef, by: TaskRefs) -> Task:
    """Let a task wait for other ones.

    A finished blocker blocks nothing. Raises Conflict when it would close a circle, or when the
    task is finished.
    """
    row = access.get_task(actor, task)
    for blocker in by:
        add(actor, row, access.get_task(actor, blocker))
    return row


def add(actor: Actor, row: Task, blocker: Task) -> None:
    """Write one edge, or wake an old one, unless the blocker is done already."""
    if row.state in {TaskState.DONE, TaskState.DROPPED}:
        raise Conflict(f"#{row.number} is {row.state}; it waits for nothing.", code="task.finished")
    if makes_cycle(_waiting(actor.project_id), row.pk, blocker.pk):
        raise Conflict(
            f"#{blocker.number} waits for #{row.number} already; a circle would never end.",
            code="dependency.cycle",
        )
    resolved = actor.now if blocker.state in {TaskState.DONE, TaskState.DROPPED} else None
    TaskDependency.objects.update_or_create(
        task=row, blocker=blocker, defaults={"resolved_at": resolved}
    )
    if resolved is None:
        events.record(actor, "task.blocked", f"task:{row.number}", by=blocker.number)


def _waiting(project_id: int) -> dict[int, list[int]]:
    edges: dict[int, list[int]] = {}
    rows = TaskDependency.objects.filter(task__project_id=project_id, resolved_at=None)
    for task_id, blocker_id in rows.values_list("task_id", "blocker_id"):
        edges.setdefault(task_id, []).append(blocker_id)
    return edges


def resolve(actor: Actor, blocker: Task) -> list[Task]:
    """Mark a finished task's edges resolved and announce, once each, the tasks it set free."""
    edges = TaskDependency.objects.filter(blocker=blocker, resolved_at=None)
    waiting = list(edges.values_list("task_id", flat=True))
    edges.update(resolved_at=actor.now)
    still = TaskDependency.objects.filter(task=OuterRef("pk"), resolved_at=None)
    free = list(
        Task.objects.live().filter(pk__in=waiting).exclude(Exists(still)).order_by("number")
    )
    for row in free:
        to = [row.assignee_id or row.holder_id or row.opened_by_id]
        events.record(actor, "task.unblocked", f"task:{row.number}", by=blocker.number, mentions=to)
    return free


def dependents(blocker: Task) -> list[int]:
    """List the numbers of the tasks that wait for a task."""
    edges = TaskDependency.objects.filter(blocker=blocker, resolved_at=None)
    return list(edges.values_list("task__number", flat=True).order_by("task__number"))


def blockers(row: Task) -> list[Task]:
    """List the unfinished tasks that a task waits for, by number."""
    if not fast.exists(TaskDependency, "it.task_id = %s AND it.resolved_at IS NULL", [row.pk]):
        return []
    return list(
        Task.objects.filter(dependents__task=row, dependents__resolved_at=None).order_by("number")
    )
