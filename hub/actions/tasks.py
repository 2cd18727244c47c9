"""Tasks: open, assign, claim, renew, release, finish, drop, and why one waits."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from django.db.models import Max
from pydantic import Field

from hub import access
from hub.actor import Actor
from hub.errors import Conflict, Invalid
from hub.models import (
    TASK_STATES,
    Channel,
    ChannelKind,
    Objective,
    Task,
    TaskState,
)
from hub.policy.workflow import proceed
from hub.registry import action
from hub.schemas import (
    Fence,
    LeaseS,
    Line,
    MemberName,
    Number,
    Paragraph,
    Priority,
    TaskOut,
    TaskRef,
)
from hub.text import clip, slug

from . import channels, dependencies, events, stops

MAX_WAITS = 20
TaskName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$|^$", max_length=60)]
DEFAULT_LEASE_S = 900


@action(
    "task.open",
    needs="plan",
    returns=TaskOut,
    chat="TASK: OFFER !task",
    chat_fields={"task": "name"},
)
def open_task(
    actor: Actor,
    title: Line = "",
    *,
    brief: Paragraph = "",
    name: TaskName = "",
    objective: Number | None = None,
    to: MemberName | None = None,
    priority: Priority = 0,
    waits_for: Annotated[list[TaskRef], Field(max_length=MAX_WAITS)] = [],  # noqa: B006 - pydantic copies
) -> Task:
    """Open a task: a title, a brief for whoever does it, and what it waits for.

    The name is made from the title when none is given. Raises Conflict when the name is taken.
    """
    title = title.strip() or name.replace("-", " ")
    if not title:
        raise Invalid("A task needs a title.", code="task.no_title")
    mother = access.get_objective(actor, objective) if objective else None
    if name.isdigit():
        raise Invalid("A task's name is not a number; it would be taken for one.", code="task.name")
    rows = Task.objects.filter(project_id=actor.project_id)
    number = (rows.aggregate(last=Max("number"))["last"] or 0) + 1
    if name and rows.filter(name=name).exists():
        raise Conflict(f"There is a task called {name} already.", code="task.name_taken")
    row = Task.objects.create(
        project_id=actor.project_id,
        number=number,
        name=name or _free_name(actor, title, number),
        title=clip(title, 160),
        brief=brief,
        priority=priority,
        objective=mother,
        assignee=access.get_live_member(actor, to) if to else None,
        opened_by_id=actor.member_id,
        opened_at=actor.now,
    )
    log(actor, "task.opened", row, mentions=[row.assignee_id] if row.assignee_id else [])
    for blocker in waits_for:
        dependencies.add(actor, row, access.get_task(actor, blocker))
    return row


def _free_name(actor: Actor, title: str, number: int) -> str:
    name = slug(title, 48)
    wanted = [name, f"{name}-{number}", f"{name}-task-{number}"]
    rows = Task.objects.filter(project_id=actor.project_id, name__in=wanted)
    taken = set(rows.values_list("name", flat=True))
    return next(free for free in wanted if free not in taken and not free.isdigit())


def log(actor: Actor, name: str, row: Task, **facts: Any) -> None:
    """Write one event about a task; empty facts are left out."""
    if row.objective_id:
        facts["objective"] = row.objective_number
    kept = {key: value for key, value in facts.items() if value not in (None, [])}
    events.record(actor, name, f"task:{row.number}", **kept)


@action("task.assign", needs="plan", returns=TaskOut, chat="ASSIGN !assign")
def assign(actor: Actor, task: TaskRef, to: MemberName) -> Task:
    """Say who is to do an open task; from then on only they can claim it."""
    row, member = access.get_task(actor, task), access.get_live_member(actor, to)
    if row.state != TaskState.OPEN:
        raise Conflict(
            f"#{row.number} is {row.state}; only open tasks are assigned.", code="task.not_open"
        )
    Task.objects.filter(pk=row.pk).update(assignee=member)
    row.assignee = member
    log(actor, "task.assigned", row, to=member.name, mentions=[member.pk])
    return row


@action("task.decline", needs="work", returns=TaskOut, chat="DECLINE !decline")
def decline(actor: Actor, task: TaskRef, *, reason: Line = "") -> Task:
    """Give an assignment back without having begun."""
    row = access.get_task(actor, task)
    if row.state != TaskState.OPEN or row.assignee_id != actor.member_id:
        raise Conflict(f"#{row.number} is not assigned to you and open.", code="task.not_assigned")
    Task.objects.filter(pk=row.pk).update(assignee=None)
    row.assignee = None
    log(actor, "task.declined", row, reason=clip(reason, 160), mentions=[row.opened_by_id])
    return row


@action("task.claim", needs="work", returns=TaskOut, chat="CLAIM STARTED ACCEPT !claim")
def claim(actor: Actor, task: TaskRef, *, lease_s: LeaseS = DEFAULT_LEASE_S) -> Task:
    """Take a task so that nobody else works on it; its work channel opens.

    The answer's `fence` belongs in your later calls about it. Raises Conflict when somebody holds
    it, it waits for another, is meant for another, or is finished.
    """
    row = access.get_task(actor, task)
    waiting = dependencies.blockers(row)
    if waiting:
        names = ", ".join(f"#{blocker.number}" for blocker in waiting)
        raise Conflict(f"#{row.number} waits for {names}.", code="task.blocked")
    if row.assignee_id not in {None, actor.member_id}:
        raise Conflict(f"#{row.number} is meant for {row.assignee_name}.", code="task.assigned")
    TASK_STATES.move(
        row,
        TaskState.CLAIMED,
        holder=access.me(actor),
        lease_until=actor.now + timedelta(seconds=lease_s),
        fence=row.fence + 1,
        phase=row.phase or proceed().first,
        channel=row.channel or _work_channel(actor, row),
        started_at=row.started_at or actor.now,
    )
    log(actor, "task.claimed", row, fence=row.fence)
    return row


def _work_channel(actor: Actor, row: Task) -> Channel:
    name = clip_name(f"work-{row.number}-{row.name}")
    return channels.make(actor, ChannelKind.WORK, name, row.title)


def clip_name(name: str) -> str:
    """Cut a channel name to the 64 bytes that every network takes (Source: ergo's default)."""
    return name[: channels.MAX_NAME_BYTES].rstrip("-")


def held_by_me(actor: Actor, task: int | str, fence: int | None) -> Task:
    """Give a task that the actor holds. Raises Conflict for others and for an old claim."""
    row = access.get_task(actor, task)
    if row.state != TaskState.CLAIMED or row.holder_id != actor.member_id:
        held_by = f"held by {row.holder_name}" if row.holder_id else row.state
        raise Conflict(f"You do not hold #{row.number}; it is {held_by}.", code="task.not_held")
    if fence is not None and fence != row.fence:
        raise Conflict(
            f"Your claim of #{row.number} is an old one (fence {fence}, now {row.fence}).",
            code="task.stale_fence",
            fence=row.fence,
        )
    return row


@action("task.renew", needs="work", returns=TaskOut, chat="!renew")
def renew(
    actor: Actor, task: TaskRef, *, fence: Fence | None = None, lease_s: LeaseS = DEFAULT_LEASE_S
) -> Task:
    """Hold a task longer; a renewal writes no event."""
    row = held_by_me(actor, task, fence)
    lease_until = actor.now + timedelta(seconds=lease_s)
    Task.objects.filter(pk=row.pk, fence=row.fence).update(lease_until=lease_until)
    row.lease_until = lease_until
    return row


@action("task.release", needs="work", returns=TaskOut, chat="YIELD !release")
def release(actor: Actor, task: TaskRef, *, fence: Fence | None = None, reason: Line = "") -> Task:
    """Give a task back, unfinished; it is nobody's then."""
    row = held_by_me(actor, task, fence)
    TASK_STATES.move(row, TaskState.OPEN, holder_id=None, assignee_id=None, lease_until=None)
    log(actor, "task.released", row, reason=clip(reason, 160))
    return row


@action(
    "task.finish",
    needs="work",
    returns=TaskOut,
    chat="COMPLETED !done",
    chat_fields={"summary": "outcome"},
)
def finish(
    actor: Actor, task: TaskRef, *, outcome: Paragraph = "", fence: Fence | None = None
) -> Task:
    """Mark a task you hold as done, with what came of it; tasks that waited for it are set free."""
    row = held_by_me(actor, task, fence)
    stops.refuse(row)
    _end(actor, row, TaskState.DONE, outcome)
    log(actor, "task.done", row, mentions=_watchers(actor, row))
    return row


@action("task.drop", needs="plan", returns=TaskOut, chat="!drop", chat_fields={"reason": "outcome"})
def drop(
    actor: Actor, task: TaskRef, *, outcome: Paragraph = "", keep_dependents: bool = False
) -> Task:
    """Give a task up for good, with the reason; what waits for it is given up too.

    With `keep_dependents` those tasks are set free instead.
    """
    row = access.get_task(actor, task)
    _drop(actor, row, outcome, cascade=not keep_dependents)
    return row


def _drop(actor: Actor, row: Task, outcome: str, *, cascade: bool) -> None:
    holder = row.holder_id
    # Those below go first: what ends here sets nobody free who is given up a moment later.
    for number in dependencies.dependents(row) if cascade else []:
        below = access.get_task(actor, number)
        if below.state in TASK_STATES.live:
            note = f"Dropped with #{row.number}, for which it waited. {outcome}".strip()
            _drop(actor, below, note, cascade=True)
    _end(actor, row, TaskState.DROPPED, outcome)
    log(
        actor,
        "task.dropped",
        row,
        mentions=sorted({*_watchers(actor, row), *filter(None, [holder])}),
    )


def _end(actor: Actor, row: Task, state: TaskState, outcome: str) -> None:
    TASK_STATES.move(
        row, state, holder_id=None, lease_until=None, outcome=outcome, ended_at=actor.now
    )
    if row.stopped_at is not None:
        stops.withdraw(actor, row)
    dependencies.resolve(actor, row)
    if row.channel is not None and row.channel.archived_at is None:
        channels.archive(actor, row.channel)


def _watchers(actor: Actor, row: Task) -> list[int]:
    return [row.opened_by_id] if row.opened_by_id != actor.member_id else []


def give_up(actor: Actor, objective: Objective, reason: str) -> None:
    """Drop, under the lock, all unfinished tasks of an objective."""
    rows = Task.objects.filter(objective=objective).live().order_by("number")
    for number in rows.values_list("number", flat=True):
        row = access.get_task(actor, number)
        if row.state in TASK_STATES.live:  # else it was dropped with one before
            _drop(actor, row, reason, cascade=True)


def lapse(actor: Actor, now: datetime) -> int:
    """Open again, under the lock, the tasks of a project whose lease is over; tell how many."""
    rows = Task.objects.filter(project_id=actor.project_id).lease_over(now)
    for row in rows.select_related("holder", "objective"):
        holder = row.holder_id
        TASK_STATES.move(row, TaskState.OPEN, holder_id=None, lease_until=None)
        log(actor, "task.lapsed", row, mentions=[holder])
    return len(rows)
