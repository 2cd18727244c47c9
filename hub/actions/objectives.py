"""Objectives: what a person wants, from the sentence to the summary."""

from typing import Literal

from django.db.models import Max

from hub import access
from hub.actor import Actor
from hub.errors import Conflict
from hub.markdown import RichText
from hub.models import (
    OBJECTIVE_STATES,
    ChannelKind,
    Decision,
    Message,
    Objective,
    ObjectiveState,
    Task,
)
from hub.registry import action
from hub.schemas import Limit, Line, Number, ObjectiveOut, Paragraph
from hub.text import clip

from . import channels, decisions, events, gates, messages, tasks


@action("objective.open", needs="plan", returns=ObjectiveOut, chat="!objective")
def open_objective(
    actor: Actor, text: str = "", *, title: Line = "", message: Number | None = None
) -> Objective:
    """Say what is wanted, in a sentence or a page; the engineering manager takes it up.

    The text is posted in the project channel, unless `message` names the message that says it;
    that message's objective is given if there is one already.
    """
    said = access.get_message(actor, message) if message else _say(actor, text)
    found = Objective.objects.filter(message=said).first()
    if found:
        return found
    rows = Objective.objects.filter(project_id=actor.project_id)
    number = (rows.aggregate(last=Max("number"))["last"] or 0) + 1
    row = Objective.objects.create(
        project_id=actor.project_id,
        number=number,
        title=clip(title.strip() or said.text.strip().splitlines()[0], 80),
        prompt=said.text,
        opened_by_id=said.author_id,
        message=said,
        opened_at=actor.now,
    )
    events.record(
        actor, "objective.opened", f"objective:{number}", channel=said.channel, message=said.seq
    )
    return row


def _say(actor: Actor, text: str) -> Message:
    channel = channels.of_kind(actor, ChannelKind.PROJECT)
    return messages.take_in(actor, channel, RichText.of(text))


@action("objective.finish", needs="plan", returns=ObjectiveOut)
def finish(
    actor: Actor,
    objective: Number,
    summary: Paragraph,
    *,
    state: Literal["succeeded", "failed"] = "succeeded",
) -> Objective:
    """Close an objective with a summary.

    Raises Conflict, with a list, while tasks of it are unfinished, pull requests open or sessions
    at work. When it did not succeed, those are given up with it.
    """
    row = access.get_objective(actor, objective)
    if state != "succeeded":
        _end(actor, row, ObjectiveState(state), summary)
        return row
    unfinished = Task.objects.filter(objective=row).live().order_by("number")
    left = [f"task #{number}" for number in unfinished.values_list("number", flat=True)]
    left += gates.left(actor, row)
    if left:
        raise Conflict(f"Still unfinished: {', '.join(left)}.", code="objective.unfinished")
    _end(actor, row, ObjectiveState.SUCCEEDED, summary)
    return row


@action("objective.cancel", needs="plan", returns=ObjectiveOut)
def cancel(actor: Actor, objective: Number, *, reason: Paragraph = "") -> Objective:
    """Call an objective off: its tasks, questions, changes and sessions end. Only for people."""
    row = access.get_objective(actor, objective)
    access.refuse_unless(
        ok=access.is_person(actor),
        words="Only people call off what people wanted; finish it as failed, with the reason.",
        code="objective.people_only",
    )
    _end(actor, row, ObjectiveState.CANCELED, reason)
    return row


def _end(actor: Actor, row: Objective, state: ObjectiveState, summary: str) -> None:
    OBJECTIVE_STATES.move(row, state, summary=summary, ended_at=actor.now)
    if state != ObjectiveState.SUCCEEDED:
        _give_up(actor, row, f"Objective {row.number} {state.label}.")
    events.record(
        actor,
        f"objective.{state.value}",
        f"objective:{row.number}",
        mentions=[row.opened_by_id] if row.opened_by_id != actor.member_id else [],
    )


def _give_up(actor: Actor, row: Objective, reason: str) -> None:
    """End what an objective leaves behind, from its tasks to what the agents do for it."""
    tasks.give_up(actor, row, reason)
    gates.give_up(actor, row, reason)
    related = ("task", "channel", "objective", "message")
    for card in Decision.objects.open().filter(objective=row).select_related(*related):
        decisions.cancel(actor, card)


@action("objective.list", needs="read", returns=list[ObjectiveOut], writes=False)
def listing(actor: Actor, *, finished: bool = False, limit: Limit = 50) -> list[Objective]:
    """List objectives, the newest first."""
    rows = Objective.objects.filter(project_id=actor.project_id).order_by("-number")
    return list((rows if finished else rows.filter(state__in=OBJECTIVE_STATES.live))[:limit])
