"""How a session ends and what that frees; which sessions an agent may direct."""

from typing import Any

from django.db.models import Q

from agents import access as own
from agents import reports
from agents.models import (
    HANDOFF_STATES,
    SESSION_STATES,
    Handoff,
    HandoffState,
    Session,
    SessionState,
    Workspace,
)
from hub.actions import decisions, events, members
from hub.actor import Actor
from hub.errors import Forbidden
from hub.models import TASK_STATES, Decision, DecisionKind, Run, Task, TaskState
from hub.text import mask

from . import cards, turns


def log(actor: Actor, name: str, row: Session, **facts: Any) -> None:
    """Write one event about a session; the one that started it hears of its end."""
    if row.task_id:
        facts["task"] = row.task_number
    parent = row.parent.member_id if row.parent else None
    if parent and parent != actor.member_id and name in reports.ENDINGS:
        facts["mentions"] = [parent]
        if row.shows_change:
            facts["shows_change"] = row.number
    events.record(actor, name, f"session:{row.number}", **facts)


def end(actor: Actor, row: Session, state: SessionState, summary: str, *, event: str = "") -> None:
    """Move a session to a final state, and free what it holds; `event` names it otherwise.

    When it is canceled, all that it and its children started end too. A turn that still runs
    elsewhere keeps its lease and its checkout until its worker lets go, which it does at once.
    """
    summary = mask(summary)
    SESSION_STATES.move(
        row,
        state,
        summary=summary,
        report=mask(reports.of(row, summary)),
        ended_at=actor.now,
        due_at=None,
        activity="",
    )
    Run.objects.filter(pk=row.run_id).update(ended_at=actor.now)
    at_rest = Q(writer__lease_until=None) | Q(writer_id=actor.run_id)
    Workspace.objects.filter(at_rest, writer_id=row.run_id).update(writer_id=None)
    turns.close_last(actor, row, summary)
    log(actor, event or f"session.{state.value}", row, agent=row.member.name, role=row.role)
    _end_shift(actor, row, summary)
    cards.close_brake(actor, row)
    if not Session.objects.live().filter(member_id=row.member_id).exists():
        _free(actor, row)
    if state == SessionState.CANCELED:
        below = Session.objects.live().filter(pk__in=descendants(row))
        for child in list(below.select_related("member", "task", "parent")):
            if not Session.objects.live().filter(pk=child.pk).exists():
                continue  # it ended with one above it
            end(actor, child, state, summary)


def _free(actor: Actor, row: Session) -> None:
    """Let go of what a member held who goes on in no other session."""
    _free_tasks(actor, row)
    asked = Decision.objects.open().filter(asker_id=row.member_id, kind=DecisionKind.QUESTION)
    for question in asked.select_related("task", "channel", "objective", "message"):
        decisions.cancel(actor, question)
    if row.member.retired_at is None:
        members.retire(actor, row.member)


def _end_shift(actor: Actor, row: Session, summary: str) -> None:
    """Cancel a hand-off that one of its two sessions does not live to see; the other ends too."""
    rows = Handoff.objects.live().filter(Q(predecessor=row) | Q(successor=row))
    handoff = rows.select_related("predecessor", "successor").first()
    if handoff is None:
        return
    HANDOFF_STATES.move(handoff, HandoffState.CANCELED, ended_at=actor.now)
    events.record(actor, "handoff.canceled", f"handoff:{handoff.number}", session=row.number)
    both = {handoff.predecessor_id, handoff.successor_id} - {row.pk}
    left = Session.objects.live().filter(pk__in=[pk for pk in both if pk])
    for other in left.select_related("member", "task", "parent"):
        end(actor, other, SessionState.CANCELED, summary)


def _free_tasks(actor: Actor, row: Session) -> None:
    held = Q(holder_id=row.member_id) | Q(assignee_id=row.member_id)
    for task in Task.objects.live().filter(held):
        if task.assignee_id == row.member_id:
            Task.objects.filter(pk=task.pk).update(assignee_id=None)
        if task.holder_id == row.member_id and task.state == TaskState.CLAIMED:
            TASK_STATES.move(task, TaskState.OPEN, holder_id=None, lease_until=None)
        events.record(actor, "task.released", f"task:{task.number}", reason="the session ended")


def end_retired(actor: Actor) -> None:
    """End, under the lock, the sessions of agents that somebody has retired."""
    rows = Session.objects.live().filter(project_id=actor.project_id)
    for row in rows.exclude(member__retired_at=None).select_related("member", "task", "parent"):
        end(actor, row, SessionState.CANCELED, "The agent was retired.")


def check_reach(actor: Actor, row: Session) -> None:
    """Refuse an agent that directs a session which neither it nor its children started."""
    mine = own.acting_session(actor)
    if mine and row.pk not in descendants(mine):
        raise Forbidden(
            "An agent directs only the sessions it started: say so in a channel, or ask a person.",
            code="session.not_yours",
        )


def descendants(row: Session) -> set[int]:
    """Give the ids of all sessions below a session, over or not."""
    found: set[int] = set()
    level = [row.pk]
    while level:
        level = list(Session.objects.filter(parent_id__in=level).values_list("pk", flat=True))
        found.update(level)
    return found
