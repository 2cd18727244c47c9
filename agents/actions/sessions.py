"""Sessions: started, steered, paused, and ended. Workers make it so."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from django.conf import settings
from django.db.models import Max, QuerySet
from pydantic import Field

from agents import access as own
from agents import brakes
from agents.models import SESSION_STATES, Entry, Session, SessionState, Target
from agents.policy.handoff import MAX_NOTES, MAX_SUMMARY_CHARS
from agents.policy.names import names, pick
from agents.schemas import EntryOut, SessionOut
from hub import access
from hub.actions import channels, events, inbox, members, messages
from hub.actor import Actor
from hub.errors import Conflict, Invalid
from hub.markdown import RichText
from hub.models import ChannelKind, Member, Project, Run, Task, TaskState
from hub.models.projects import held
from hub.policy.roles import role as role_of
from hub.policy.workflow import phases_of, proceed
from hub.registry import action
from hub.schemas import After, Done, Limit, Line, MemberName, Number, Paragraph, Sentence, TaskRef
from hub.text import clip, mask

from . import endings, guards
from .endings import log

MAX_DEPTH = 3
MAX_CHILDREN = 10
AgentRole = Literal["em", "manager", "implementer", "tester", "reviewer", "documenter"]
CODERS = frozenset({"implementer", "documenter"})
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

    Agents start a worker only in its phase of the task. Raises Conflict out of phase, for a
    finished task, or when agents start agents too deep or too many.
    """
    work = access.get_task(actor, task) if task else None
    if work and work.state not in LIVE_TASKS:
        raise Conflict(f"#{work.number} is {work.state}; nothing to do.", code="task.finished")
    skips = _skipped_phase(actor, role, work)
    parent = own.acting_session(actor)
    _check_spawning(parent)
    project = access.get_project(actor)
    if role in CODERS and not project.repository:
        raise Conflict(
            f"The project has no repository; a {role} has nothing to work in.",
            code="project.no_repository",
        )
    member = members.add(actor, name or fresh_name(actor), role)
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
        brief=mask(brief),
        objective=wish,
        task=work,
        parent=parent,
        target=local_target(),
        due_at=actor.now,
        created_at=actor.now,
    )
    _begin_reading(actor, row)
    log(actor, "session.started", row, role=role, agent=member.name, **skips)
    if work:
        _introduce(actor, row, work)
    return row


def _skipped_phase(actor: Actor, role: str, work: Task | None) -> dict[str, str]:
    """Refuse an agent that starts a worker out of its phase; a person's doing so is a fact."""
    phases = phases_of(proceed(), role)
    if work is None or not phases or (work.phase in phases and work.stopped_at is None):
        return {}
    if access.is_person(actor):
        return {"out_of_phase": work.phase or "open"}
    if work.stopped_at is not None:
        raise Conflict(
            f"#{work.number} is stopped after {work.rounds} rounds of fixing; a person decides.",
            code="task.stopped",
        )
    now = f"in {work.phase}" if work.phase else "not claimed"
    raise Conflict(
        f"#{work.number} is {now}; {role} is started in {' or '.join(phases)}. Its holder moves it "
        "there with task.advance, or a person with task.skip_phase.",
        code="phase.role",
        phase=work.phase,
    )


def _begin_reading(actor: Actor, row: Session) -> None:
    """Let an agent read from now on; an engineering manager from where the last one stopped."""
    begin = held(actor.project_id).seq
    if row.role == "em":
        past = _last_em(row.project).exclude(pk=row.pk).first()
        reader = inbox.reader_name(past.member_id) if past else ""
        begin = events.cursor_of(actor.project_id, reader) if past else 0
    events.advance_cursor(actor.project_id, inbox.reader_name(row.member_id), begin)


def _last_em(project: Project) -> QuerySet[Session]:
    rows = Session.objects.filter(project=project, role="em")
    return rows.select_related("member").order_by("-number")


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


def fresh_name(actor: Actor) -> str:
    """Choose a name that no agent of the project bears."""
    rows = Member.objects.filter(project_id=actor.project_id)
    live = rows.filter(retired_at=None).values_list("name", flat=True)
    return pick(names(), list(rows.values_list("name", flat=True)), list(live))


def _introduce(actor: Actor, row: Session, task: Task) -> None:
    standup = channels.of_kind(actor, ChannelKind.STANDUP)
    title = role_of(row.role).title.lower()
    text = f"{row.member.name} joins as {title} for #{task.number} {task.name}."
    messages.take_in(actor, standup, RichText.of(text), obey=False)


def local_target() -> Target:
    """Give this host's target, made on first use."""
    target, _ = Target.objects.get_or_create(
        name=settings.PARLEY_TARGET, defaults={"slots": settings.SESSION_SLOTS}
    )
    return target


@action("session.steer", needs="staff", returns=Sentence, chat="!steer")
def steer(actor: Actor, session: Number, text: str) -> Sentence:
    """Tell an agent something at once, in the channel where it works.

    In a turn it hears it at its next step, asleep it is woken; the answer says which, or what
    keeps it from reading. Raises Conflict for a session that is over.
    """
    row = own.get_session(actor, session)
    endings.check_reach(actor, row)
    if row.state in SESSION_STATES.final:
        raise Conflict(f"Session {row.number} is over; it reads nothing.", code="session.over")
    where = row.task.channel if row.task and row.task.channel else None
    if where is None or where.archived_at is not None:
        where = channels.of_kind(actor, ChannelKind.PROJECT)
    messages.take_in(actor, where, RichText.of(f"@{row.member.name} {text}"), obey=False)
    return Sentence(text=f"Said to {row.member.name}, {brakes.reads_it(row, actor.now)}.")


@action("session.pause", needs="staff", returns=SessionOut)
def pause(actor: Actor, session: Number, *, reason: Line = "") -> Session:
    """Let a session finish its current step and then wait until it is resumed."""
    row = own.get_session(actor, session)
    endings.check_reach(actor, row)
    changed = Session.objects.live().filter(pk=row.pk, paused_at=None).update(paused_at=actor.now)
    if not changed:
        raise Conflict("It is paused or over already.", code="session.not_running")
    row.paused_at = actor.now
    log(actor, "session.paused", row, reason=reason)
    return row


@action("session.resume", needs="staff", returns=SessionOut)
def resume(actor: Actor, session: Number) -> Session:
    """Let a paused session go on; when a person does, the guards count anew.

    Raises Forbidden for agents when a guard has paused it.
    """
    row = own.get_session(actor, session)
    guards.go_on(actor, row)
    return row


@action("session.cancel", needs="staff", returns=SessionOut, chat="!cancel")
def cancel(actor: Actor, session: Number, *, reason: Line = "") -> Session:
    """End a session and those it started, for good; its task is free again."""
    row = own.get_session(actor, session)
    endings.check_reach(actor, row)
    endings.end(actor, row, SessionState.CANCELED, reason)
    return row


@action("session.finish", needs="run", returns=SessionOut)
def finish(
    actor: Actor,
    summary: Paragraph,
    *,
    state: Literal["succeeded", "failed"] = "succeeded",
    notes: Annotated[list[Number], Field(max_length=MAX_NOTES)] = [],  # noqa: B006 - pydantic copies
    include_diff: bool = False,
) -> Session:
    """Say that your part is done, with a summary for whoever comes next; you get no more turns.

    Whoever started you gets the summary (its first 6,000 characters), the notes and artifacts that
    you cite by their numbers, and with `include_diff` the change made in your checkout.
    Raises Conflict while you hold a task.
    """
    row = own.own_session(actor)
    if row is None:
        raise Invalid("Only a session can finish itself.", code="session.none")
    if Task.objects.live().filter(holder_id=row.member_id).exists():
        raise Conflict("Finish or release the task you hold first.", code="session.holds_task")
    row.cites = [access.get_artifact(actor, number).number for number in notes]
    row.shows_change = include_diff
    row.save(update_fields=["cites", "shows_change"])
    endings.end(actor, row, SessionState(state), clip(mask(summary), MAX_SUMMARY_CHARS))
    return row


@action("session.late_result", needs="hub", returns=Done)
def late_result(actor: Actor, session: Number, *, epoch: int, code: Line) -> Done:
    """Write down, as evidence only, that a worker reported to a session after its end.

    Raises Conflict for a session that is not over: then it was taken over, which is no wonder.
    """
    row = own.get_session(actor, session)
    if row.state not in SESSION_STATES.final:
        raise Conflict(f"Session {row.number} is not over.", code="session.not_over")
    subject = f"session:{row.number}"
    events.record(actor, "session.late_result", subject, epoch=epoch, code=code, state=row.state)
    return Done()


def hold_tasks(now: datetime, lease_s: int) -> int:
    """Renew, without event, the claims of live sessions that are half over; tell how many."""
    holders = Session.objects.live().values("member_id")
    rows = Task.objects.filter(state=TaskState.CLAIMED, holder_id__in=holders)
    half_over = rows.filter(lease_until__lt=now + timedelta(seconds=lease_s / 2))
    return half_over.update(lease_until=now + timedelta(seconds=lease_s))


def ensure_em(actor: Actor, project: Project) -> None:
    """Give a project its engineering manager, unless it has a live one; the name stays."""
    past = _last_em(project).first()
    if past is not None and past.ended_at is None:
        return
    borne = Member.objects.filter(project=project, retired_at=None)
    name = past.member.name if past else None
    taken = name and borne.filter(name__iexact=name).exists()
    start(actor, "em", name=None if taken else name)


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
