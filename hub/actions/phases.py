"""A task's way through the workflow: in order, stopped after too many rounds, led on by people."""

from django.db.models import Q

from hub import access
from hub.actor import Actor
from hub.errors import Conflict, Invalid
from hub.markdown import RichText
from hub.models import (
    TASK_STATES,
    ChannelKind,
    Decision,
    DecisionKind,
    Event,
    Message,
    Project,
    Task,
    TaskState,
)
from hub.policy import workflow
from hub.policy.workflow import proceed
from hub.registry import action
from hub.schemas import Fence, Line, TaskOut, TaskRef
from hub.text import clip

from . import channels, decisions, gates, messages, stops, tasks
from .effects import Effect

MAX_EVIDENCE_CHARS = 12_000


@action("task.advance", needs="work", returns=TaskOut)
def advance(actor: Actor, task: TaskRef, phase: Line, *, fence: Fence | None = None) -> Task:
    """Move a task you hold to its next phase: plan, implement, test, review, fix, document.

    Post your plan in the work channel, beginning with the word "Plan", before you go to implement.
    After three rounds of fixing the task stops instead, and the people are asked how to go on:
    the answer's `stopped_at` says so. Raises Conflict for a phase out of order.
    """
    row = tasks.held_by_me(actor, task, fence)
    stops.refuse(row)
    limit = proceed().max_rounds + row.extra_rounds
    workflow.check_order(proceed(), phase=row.phase, to=phase)
    if phase == "fix" and row.rounds >= limit:
        _stop(actor, row)
        return row
    if phase == "implement":
        _check_plan(actor, row)
    _move(actor, row, phase, row.rounds + (phase == "fix"))
    tasks.log(actor, "task.advanced", row, phase=phase, rounds=row.rounds)
    return row


def _check_plan(actor: Actor, row: Task) -> None:
    """Refuse to build before a holder has said, where the work is done, what they plan.

    The plan of somebody who handed the task over still holds.
    """
    if not Project.objects.filter(pk=actor.project_id, requires_plan=True).exists():
        return
    held = Event.objects.filter(project_id=actor.project_id, subject=f"task:{row.number}")
    claimed = held.filter(name="task.claimed").values("actor_id")
    taken = held.filter(name="task.handed_over").values_list("facts__to", flat=True)
    theirs = Q(author_id=actor.member_id) | Q(author_id__in=claimed)
    theirs |= Q(author__project_id=actor.project_id, author__name__in=list(taken))
    said = Message.objects.filter(theirs, channel=row.channel, deleted_at=None)
    texts = said.filter(decision=None).order_by("seq").values_list("text", flat=True)
    if not any(workflow.is_plan(text) for text in texts):
        where = f"#{row.channel.name}" if row.channel else "the work channel"
        raise Conflict(
            f"Post your plan in {where} first: a message that begins with the word Plan.",
            code="phase.no_plan",
        )


def _move(actor: Actor, row: Task, phase: str, rounds: int) -> None:
    if row.stopped_at is not None:
        stops.withdraw(actor, row)
    changes = {"phase": phase, "rounds": rounds, "stopped_at": None}
    Task.objects.filter(pk=row.pk).update(**changes)
    row.phase, row.rounds, row.stopped_at = phase, rounds, None


def _stop(actor: Actor, row: Task) -> None:
    """Stop a task, tell standup, and put one question with the evidence to the people."""
    Task.objects.filter(pk=row.pk).update(stopped_at=actor.now)
    row.stopped_at = actor.now
    words = f"#{row.number} {row.name} is stopped after {row.rounds} rounds of fixing."
    standup = channels.of_kind(actor, ChannelKind.STANDUP)
    card = decisions.open_card(
        actor,
        DecisionKind.ESCALATION,
        RichText.of(f"{words} How do we go on?"),
        _choices(row, standup.name),
        task=row,
        link=f"/p/{row.project.slug}/t/{row.number}/",
    )
    evidence = "\n\n".join(gates.evidence(row)) or "No test has run and nothing was reviewed."
    Decision.objects.filter(pk=card.pk).update(context=clip(evidence, MAX_EVIDENCE_CHARS))
    asked = RichText.of(f"{words} The people are asked: question {card.number}.")
    messages.take_in(actor, standup, asked, obey=False)
    tasks.log(actor, "task.stopped", row, rounds=row.rounds, decision=card.number)


def _choices(row: Task, standup: str) -> list[tuple[str, Effect]]:
    holder = f"@{row.holder.name} " if row.holder else ""
    looks = f"{holder}I look at #{row.number} myself; it stays stopped until I say how to go on."
    lost = f"Given up after {row.rounds} rounds of fixing."
    return [
        ("One more round", Effect(action="task.allow_round", payload={"task": row.number})),
        (
            "Drop the task",
            Effect(action="task.drop", payload={"task": row.number, "outcome": lost}),
        ),
        (
            "I look at it",
            Effect(action="message.post", payload={"channel": standup, "text": looks}),
        ),
    ]


def _claimed(actor: Actor, task: int | str) -> Task:
    row = access.get_task(actor, task)
    if row.state != TaskState.CLAIMED:
        raise Conflict(
            f"#{row.number} is {row.state}; only a task that somebody holds has a phase.",
            code="task.not_claimed",
        )
    return row


def _people_only(actor: Actor) -> None:
    access.refuse_unless(
        ok=access.is_person(actor),
        words="Only people let a task pass a gate: ask them with issue.escalate.",
        code="phase.people_only",
    )


@action("task.allow_round", needs="decide", returns=TaskOut)
def allow_round(actor: Actor, task: TaskRef) -> Task:
    """Let a stopped task go through one more round of fixing. Only for people.

    Raises Conflict when it is not stopped. One whose claim has lapsed goes on with its next holder.
    """
    row = access.get_task(actor, task)
    _people_only(actor)
    if row.stopped_at is None or row.state not in TASK_STATES.live:
        raise Conflict(f"#{row.number} is not stopped.", code="task.not_stopped")
    row.extra_rounds += 1
    Task.objects.filter(pk=row.pk).update(extra_rounds=row.extra_rounds)
    _move(actor, row, "fix", row.rounds + 1)
    _log_lead(actor, "task.round_allowed", row, phase="fix", rounds=row.rounds)
    return row


@action("task.skip_phase", needs="decide", returns=TaskOut)
def skip_phase(actor: Actor, task: TaskRef, to: Line, *, reason: Line = "") -> Task:
    """Put a claimed task into another phase without what the workflow asks before it.

    Only people can; the log keeps their name and reason. A stopped task goes on.
    """
    row = _claimed(actor, task)
    _people_only(actor)
    workflow.check_known(proceed(), to)
    if to == row.phase and row.stopped_at is None:
        raise Invalid(f"#{row.number} is in {to} already.", code="phase.same")
    before = row.phase
    _move(actor, row, to, row.rounds)
    name = access.me(actor).name
    facts = {"phase_before": before, "phase": to, "by": name, "reason": clip(reason, 160)}
    _log_lead(actor, "task.phase_skipped", row, **facts)
    return row


def _log_lead(actor: Actor, name: str, row: Task, **facts: object) -> None:
    """Write that a person led a task on, and wake who holds it."""
    tasks.log(actor, name, row, mentions=[row.holder_id] if row.holder_id else [], **facts)
