"""Sessions: started, steered, paused, and ended. Workers make it so."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.conf import settings
from django.db.models import Max
from pydantic import Field

from agents import access as own
from agents.models import SESSION_STATES, Entry, Session, SessionState, Target, Workspace
from agents.policy.names import names, pick
from agents.schemas import EntryOut, SessionOut
from hub import access
from hub.actions import channels, events, inbox, members, messages
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid
from hub.markdown import RichText
from hub.models import TASK_STATES, ChannelKind, Member, Project, Run, Task, TaskState
from hub.models.projects import held
from hub.policy.roles import role as role_of
from hub.registry import action
from hub.schemas import After, Limit, Line, MemberName, Number, Paragraph, TaskRef

from . import turns

MAX_DEPTH = 3
MAX_CHILDREN = 10
AgentRole = Literal["em", "manager", "implementer", "tester", "reviewer", "documenter"]
LIVE_TASKS = (TaskState.OPEN, TaskState.CLAIMED)


@action("session.start", needs="staff", returns=SessionOut)
def start(
    actor: Actor,
    role: AgentRole,
    *,
    task: TaskRef | None = None,
    objective: Number | None = None,
    brief: Paragraph = "",
    name: MemberName | None = None,
) -> Session:
    """Start an agent in a role, for a task or an objective; it gets a name and its first turn.

    Raises Conflict for a finished task, or when agents start agents too deep or too many.
    """
    work = access.get_task(actor, task) if task else None
    if work and work.state not in LIVE_TASKS:
        raise Conflict(f"#{work.number} is {work.state}; nothing to do.", code="task.finished")
    parent = own.own_session(actor)
    _check_spawning(parent)
    project = access.get_project(actor)
    member = members.add(actor, name or _fresh_name(actor), role)
    rows = Session.objects.filter(project_id=actor.project_id)
    wish = (
        access.get_objective(actor, objective) if objective else (work.objective if work else None)
    )
    row = Session.objects.create(
        project=project,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        member=member,
        run=Run.objects.create(member=member),
        role=role,
        provider=project.provider,
        brief=brief,
        objective=wish,
        task=work,
        parent=parent,
        target=local_target(),
        due_at=actor.now,
        created_at=actor.now,
    )
    if role != "em":  # a manager of the whole project reads what was said before it came
        events.advance_cursor(actor.project_id, inbox.reader_name(member.pk), held(project.pk).seq)
    _log(actor, "session.started", row, role=role, agent=member.name)
    if work:
        _introduce(actor, row, work)
    return row


def _check_spawning(parent: Session | None) -> None:
    depth, at = 0, parent
    while at is not None:
        depth, at = depth + 1, at.parent
    if depth >= MAX_DEPTH:
        raise Conflict(
            f"Agents start agents at most {MAX_DEPTH} deep; ask a person.", code="session.too_deep"
        )
    if parent and parent.children.live().count() >= MAX_CHILDREN:
        raise Conflict(
            f"You have {MAX_CHILDREN} live sessions; let one end first.", code="session.too_many"
        )


def _fresh_name(actor: Actor) -> str:
    rows = Member.objects.filter(project_id=actor.project_id)
    live = rows.filter(retired_at=None).values_list("name", flat=True)
    return pick(names(), list(rows.values_list("name", flat=True)), list(live))


def _introduce(actor: Actor, row: Session, task: Task) -> None:
    standup = channels.of_kind(actor, ChannelKind.STANDUP)
    title = role_of(row.role).title.lower()
    text = f"{row.member.name} joins as {title} for #{task.number} {task.name}."
    messages.take_in(actor, standup, RichText.of(text))


def local_target() -> Target:
    """Give this host's target, made on first use."""
    target, _ = Target.objects.get_or_create(
        name=settings.PARLEY_TARGET, defaults={"slots": settings.SESSION_SLOTS}
    )
    return target


def _log(actor: Actor, name: str, row: Session, **facts: Any) -> None:
    if row.task_id:
        facts["task"] = row.task_number
    parent = row.parent.member_id if row.parent else None
    if parent and parent != actor.member_id and name in ENDINGS:
        facts["mentions"] = [parent]
    events.record(actor, name, f"session:{row.number}", **facts)


ENDINGS = frozenset({"session.succeeded", "session.failed", "session.canceled"})


@action("session.steer", needs="staff", returns=SessionOut, chat="!steer")
def steer(actor: Actor, session: Number, text: str) -> Session:
    """Tell an agent something at once, in the channel where it works; it is woken."""
    row = own.get_session(actor, session)
    if row.state in SESSION_STATES.final:
        raise Conflict(f"Session {row.number} is over; it reads nothing.", code="session.over")
    where = row.task.channel if row.task and row.task.channel else None
    if where is None or where.archived_at is not None:
        where = channels.of_kind(actor, ChannelKind.PROJECT)
    messages.take_in(actor, where, RichText.of(f"@{row.member.name} {text}"))
    return row


@action("session.pause", needs="staff", returns=SessionOut)
def pause(actor: Actor, session: Number, *, reason: Line = "") -> Session:
    """Let a session finish its current step and then wait until it is resumed."""
    row = own.get_session(actor, session)
    changed = Session.objects.live().filter(pk=row.pk, paused_at=None).update(paused_at=actor.now)
    if not changed:
        raise Conflict("It is paused or over already.", code="session.not_running")
    row.paused_at = actor.now
    _log(actor, "session.paused", row, reason=reason)
    return row


@action("session.resume", needs="staff", returns=SessionOut)
def resume(actor: Actor, session: Number) -> Session:
    """Let a paused session go on."""
    row = own.get_session(actor, session)
    rows = Session.objects.live().filter(pk=row.pk, paused_at__isnull=False)
    if not rows.update(paused_at=None, due_at=actor.now):
        raise Conflict("It is not paused.", code="session.not_paused")
    row.paused_at = None
    _log(actor, "session.resumed", row)
    return row


@action("session.cancel", needs="staff", returns=SessionOut, chat="!cancel")
def cancel(actor: Actor, session: Number, *, reason: Line = "") -> Session:
    """End a session and those it started, for good; its task is free again."""
    row = own.get_session(actor, session)
    mine = own.own_session(actor)
    if mine and row.pk not in _descendants(mine):
        raise Forbidden("You may end only sessions you started.", code="session.not_yours")
    end(actor, row, SessionState.CANCELED, reason)
    return row


def _descendants(row: Session) -> set[int]:
    found: set[int] = set()
    level = [row.pk]
    while level:
        level = list(Session.objects.filter(parent_id__in=level).values_list("pk", flat=True))
        found.update(level)
    return found


@action("session.finish", needs="run", returns=SessionOut)
def finish(
    actor: Actor,
    summary: Annotated[str, Field(max_length=6_000)],
    *,
    state: Literal["succeeded", "failed"] = "succeeded",
) -> Session:
    """Say that your part is done, with a summary for whoever comes next; you get no more turns.

    Raises Conflict while you hold a task.
    """
    row = own.own_session(actor)
    if row is None:
        raise Invalid("Only a session can finish itself.", code="session.none")
    if Task.objects.live().filter(holder_id=row.member_id).exists():
        raise Conflict("Finish or release the task you hold first.", code="session.holds_task")
    end(actor, row, SessionState(state), summary)
    return row


def end(actor: Actor, row: Session, state: SessionState, summary: str) -> None:
    """Move a session to a final state; free what it holds, and end its children when canceled."""
    SESSION_STATES.move(row, state, summary=summary, ended_at=actor.now, due_at=None, activity="")
    Run.objects.filter(pk=row.run_id).update(ended_at=actor.now, lease_until=None)
    Workspace.objects.filter(writer_id=row.run_id).update(writer_id=None)
    turns.close_last(actor, row, summary)
    _log(actor, f"session.{state.value}", row, agent=row.member.name, role=row.role)
    for task in Task.objects.filter(holder_id=row.member_id, state=TaskState.CLAIMED):
        TASK_STATES.move(task, TaskState.OPEN, holder_id=None, lease_until=None)
        events.record(actor, "task.released", f"task:{task.number}", reason="the session ended")
    if row.member.retired_at is None:
        members.retire(actor, row.member)
    if state == SessionState.CANCELED:
        for child in row.children.live().select_related("member", "task", "parent"):
            end(actor, child, state, summary)


def end_retired(actor: Actor) -> None:
    """End, under the lock, the sessions of agents that somebody has retired."""
    rows = Session.objects.live().filter(project_id=actor.project_id)
    for row in rows.exclude(member__retired_at=None).select_related("member", "task", "parent"):
        end(actor, row, SessionState.CANCELED, "The agent was retired.")


def hold_tasks(now: datetime, lease_s: int) -> int:
    """Renew, without event, the claims of live sessions that are half over; tell how many."""
    holders = Session.objects.live().values("member_id")
    rows = Task.objects.filter(state=TaskState.CLAIMED, holder_id__in=holders)
    half_over = rows.filter(lease_until__lt=now + timedelta(seconds=lease_s / 2))
    return half_over.update(lease_until=now + timedelta(seconds=lease_s))


def ensure_em(actor: Actor, project: Project) -> None:
    """Give a project its engineering manager, unless it has a live one."""
    if Session.objects.live().filter(project=project, role="em").exists():
        return
    start(actor, "em")


@action("session.list", needs="read", returns=list[SessionOut], writes=False)
def listing(actor: Actor, *, finished: bool = False, limit: Limit = 50) -> list[Session]:
    """List sessions, the newest first; transcripts are not part of it."""
    rows = Session.objects.filter(project_id=actor.project_id).select_related("member", "task")
    rows = rows.order_by("-number")
    return list((rows if finished else rows.live())[:limit])


@action("session.transcript", needs="read", returns=list[EntryOut], writes=False)
def transcript(
    actor: Actor, session: Number, *, after: After = 0, limit: Limit = 100
) -> list[Entry]:
    """Read a session's transcript after a cursor, oldest first."""
    row = own.get_session(actor, session)
    return list(Entry.objects.filter(session=row, seq__gt=after).order_by("seq")[:limit])
