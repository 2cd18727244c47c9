"""Looking at tasks: the list, one of them, why it waits, and what `TASK:` would do."""

from hub import access
from hub.actor import Actor
from hub.models import Task
from hub.policy.dependencies import Situation, why
from hub.registry import action
from hub.schemas import Limit, Line, MemberName, Paragraph, Sentence, TaskDetail, TaskOut, TaskRef

from . import dependencies


@action("task.preview", needs="plan", returns=Sentence, chat="TASK?", writes=False)
def preview(
    actor: Actor, title: Line, *, brief: Paragraph = "", to: MemberName | None = None
) -> Sentence:
    """Say what `TASK:` with the same words would do, without doing it."""
    member = access.get_member(actor, to).name if to else "whoever takes it first"
    text = f"This would open the task “{title.strip()}” for {member}"
    return Sentence(text=f"{text}, with a brief of {len(brief)} characters.")


@action("task.list", needs="read", returns=list[TaskOut], writes=False)
def listing(actor: Actor, *, finished: bool = False, limit: Limit = 100) -> list[Task]:
    """List tasks, the most urgent first; with `finished` also those that are over."""
    rows = Task.objects.filter(project_id=actor.project_id).select_related(
        "holder", "assignee", "objective", "channel"
    )
    rows = rows.order_by("-priority", "number")
    return list((rows if finished else rows.live())[:limit])


@action("task.show", needs="read", returns=TaskDetail, writes=False)
def show(actor: Actor, task: TaskRef) -> TaskDetail:
    """Show one task: its brief, what it waits for, and why."""
    row = access.get_task(actor, task)
    base = TaskOut.model_validate(row).model_dump(by_alias=False)
    waits = [blocker.number for blocker in dependencies.blockers(row)]
    return TaskDetail.model_construct(
        **base, brief=row.brief, outcome=row.outcome, waits_for=waits, why=explain(actor, row)
    )


@action("task.why", needs="read", returns=Sentence, chat="!why", writes=False)
def why_waiting(actor: Actor, task: TaskRef) -> Sentence:
    """Say in words what a task is waiting for."""
    row = access.get_task(actor, task)
    return Sentence(text=f"#{row.number} {row.name}: {explain(actor, row)}")


def explain(actor: Actor, row: Task) -> str:
    """Put a task's situation into words."""
    situation = Situation(
        state=row.state,
        holder=row.holder_name,
        assignee=row.assignee_name,
        lease_until=row.lease_until,
        blockers=tuple(f"#{task.number} {task.name}" for task in dependencies.blockers(row)),
        questions=tuple(row.decisions.open().values_list("number", flat=True)),
        paused=row.project.paused_at is not None,
        outcome=row.outcome,
        stopped_rounds=row.rounds if row.stopped_at else 0,
    )
    return why(situation, actor.now)
