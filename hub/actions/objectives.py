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
    Message,
    Objective,
    ObjectiveState,
    Task,
)
from hub.registry import action
from hub.schemas import Limit, Line, Number, ObjectiveOut, Paragraph
from hub.text import clip

from . import channels, events, messages


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
    state: Literal["succeeded", "failed", "canceled"] = "succeeded",
) -> Objective:
    """Close an objective with a summary. Raises Conflict while a task of it is unfinished."""
    row = access.get_objective(actor, objective)
    unfinished = Task.objects.filter(objective=row).live()
    if state == "succeeded" and unfinished.exists():
        numbers = ", ".join(f"#{number}" for number in unfinished.values_list("number", flat=True))
        raise Conflict(f"Still unfinished: {numbers}.", code="objective.unfinished")
    OBJECTIVE_STATES.move(row, ObjectiveState(state), summary=summary, ended_at=actor.now)
    events.record(
        actor,
        f"objective.{state}",
        f"objective:{row.number}",
        mentions=[row.opened_by_id] if row.opened_by_id != actor.member_id else [],
    )
    return row


@action("objective.list", needs="read", returns=list[ObjectiveOut], writes=False)
def listing(actor: Actor, *, finished: bool = False, limit: Limit = 50) -> list[Objective]:
    """List objectives, the newest first."""
    rows = Objective.objects.filter(project_id=actor.project_id).order_by("-number")
    return list((rows if finished else rows.filter(state__in=OBJECTIVE_STATES.live))[:limit])
