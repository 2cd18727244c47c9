"""What a person decides: asked by an agent, answered anywhere, delivered to the asker."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from django.db.models import Max
from pydantic import Field

from hub import access, identify
from hub.actor import Actor
from hub.errors import Forbidden, Invalid
from hub.markdown import RichText
from hub.models import (
    DECISION_STATES,
    OBJECTIVE_STATES,
    Channel,
    ChannelKind,
    Decision,
    DecisionKind,
    DecisionState,
    Member,
    MemberKind,
    Objective,
    ObjectiveState,
    Task,
)
from hub.registry import action
from hub.schemas import ChannelRef, DecisionOut, Limit, Number, Paragraph, TaskRef
from hub.text import clip

from . import channels, effects, events, messages
from .effects import Effect

MAX_CHOICES = 6
JOINER = "@\u2060"  # keeps a name that is only repeated from being addressed
Choice = Annotated[str, Field(min_length=1, max_length=120)]
AnswerText = Annotated[str, Field(min_length=1, max_length=4_000)]


@action("decision.ask", needs="talk", returns=DecisionOut)
def ask(
    actor: Actor,
    text: RichText,
    *,
    choices: Annotated[list[Choice], Field(max_length=MAX_CHOICES)] = [],  # noqa: B006 - pydantic copies
    recommended: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None,
    default: Annotated[str, Field(max_length=500)] = "",
    default_in_s: Annotated[int, Field(ge=60, le=604_800)] | None = None,
    context: Paragraph = "",
    task: TaskRef | None = None,
    channel: ChannelRef | None = None,
) -> Decision:
    """Ask the people of the project something that only they can decide.

    Give up to six `choices`, the `recommended` one by its number, and a `default` that applies
    after `default_in_s` seconds. The answer comes into your inbox.
    """
    if recommended and recommended > len(choices):
        raise Invalid("The recommended choice is not among the choices.", code="decision.choice")
    work = access.get_task(actor, task) if task else None
    where = access.get_channel(actor, channel) if channel else _home_of(actor, work)
    if where.kind == ChannelKind.DIRECT:
        raise Invalid("Everybody sees a question; ask in a common channel.", code="decision.direct")
    row = _make(actor, DecisionKind.QUESTION, text, work, where)
    row.choices, row.recommended, row.context = list(choices), recommended, context
    if default or default_in_s:
        if not (default and default_in_s):
            raise Invalid("A default needs its text and its time.", code="decision.default")
        row.default = chosen(row, default)
        row.default_at = actor.now + timedelta(seconds=default_in_s)
    row.message = messages.take_in(actor, where, RichText.of(_spoken(row)))
    row.save(force_insert=True)
    _log(actor, "decision.asked", row)
    point_out(actor, where, _spoken(row))
    _wait(row.objective)
    return row


def point_out(actor: Actor, where: Channel, words: str) -> None:
    """Say in the project channel what waits for a person elsewhere: many read only that one."""
    home = channels.of_kind(actor, ChannelKind.PROJECT)
    if where.pk == home.pk:
        return
    quiet = f"{access.me(actor).name} in #{where.name}:\n\n{words}".replace("@", JOINER)
    hub = replace(identify.of_hub(actor.project_id, "hub"), clock=actor.now, cause=actor.cause)
    messages.take_in(hub, home, RichText.of(quiet), obey=False)


def open_review(actor: Actor, text: RichText, task: Task | None, link: str) -> Decision:
    """Open the card that asks the people for a verdict on a change, shown in full at `link`."""
    where = _home_of(actor, task)
    row = _make(actor, DecisionKind.REVIEW, text, task, where)
    row.link = link
    row.save(force_insert=True)
    _log(actor, "decision.asked", row)
    return row


def open_card(
    actor: Actor,
    kind: DecisionKind,
    text: RichText,
    choices: Sequence[tuple[str, Effect | None]],
    *,
    task: Task | None = None,
    link: str = "",
) -> Decision:
    """Ask the people, under the lock, for a choice that Parley itself carries out.

    `choices` are their words and what each does in the name of who answers. The card is said in
    the channel of the task, else of the project; the first choice is the recommended one.
    """
    where = _home_of(actor, task)
    row = _make(actor, kind, text, task, where)
    row.choices = [words for words, _ in choices]
    row.effects = [effect and effect.stored() for _, effect in choices]
    row.recommended, row.link = 1, link
    row.message = messages.take_in(actor, where, RichText.of(_spoken(row)), obey=False)
    row.save(force_insert=True)
    _log(actor, "decision.asked", row)
    point_out(actor, where, _spoken(row))
    return row


def _make(
    actor: Actor, kind: DecisionKind, text: RichText, task: Task | None, channel: Channel
) -> Decision:
    rows = Decision.objects.filter(project_id=actor.project_id)
    number = (rows.aggregate(last=Max("number"))["last"] or 0) + 1
    return Decision(
        project_id=actor.project_id,
        number=number,
        kind=kind,
        asker=access.me(actor),
        text=text.text,
        html=text.html,
        task=task,
        objective=task.objective if task else None,
        channel=channel,
        asked_at=actor.now,
    )


def _home_of(actor: Actor, task: Task | None) -> Channel:
    if task and task.channel and task.channel.archived_at is None:
        return task.channel
    return channels.of_kind(actor, ChannelKind.PROJECT)


def _spoken(row: Decision) -> str:
    lines = [f"**{row.kind.capitalize()} {row.number}:** {row.text}"]
    lines += [
        f"{number}. {choice}{' (recommended)' if number == row.recommended else ''}"
        for number, choice in enumerate(row.choices, 1)
    ]
    return "\n\n".join(
        [lines[0], "\n".join([*lines[1:], ""]), f"Answer with `!ans {row.number} …`"]
    )


def _log(actor: Actor, name: str, row: Decision, **facts: object) -> None:
    if row.task:
        facts["task"] = row.task.number
    if row.message:
        facts["message"] = row.message.seq
    events.record(
        actor, name, f"decision:{row.number}", channel=row.channel, kind=row.kind, **facts
    )


def _wait(objective: Objective | None) -> None:
    if objective and objective.state == ObjectiveState.ACTIVE:
        OBJECTIVE_STATES.move(objective, ObjectiveState.WAITING)


def _go_on(objective: Objective | None) -> None:
    if objective is None or objective.state != ObjectiveState.WAITING:
        return
    left = Decision.objects.open().filter(objective=objective)
    if not left.exclude(kind=DecisionKind.REVIEW).exists():
        OBJECTIVE_STATES.move(objective, ObjectiveState.ACTIVE)


@action("decision.answer", needs="decide", returns=DecisionOut, chat="!ans !answer")
def answer(actor: Actor, decision: Number, answer: AnswerText) -> Decision:
    """Answer a question by the number of a choice or in words; the asker is woken.

    Raises Conflict when it is answered already or withdrawn, Forbidden for agents and for cards
    that are answered on their own page.
    """
    row = access.get_decision(actor, decision)
    person = Member.objects.filter(pk=actor.member_id, kind=MemberKind.PERSON).exists()
    access.refuse_unless(ok=person, words="Only people decide.", code="decision.people_only")
    if row.kind == DecisionKind.REVIEW:
        raise Forbidden(
            "Give your verdict on the page of the change.", code="decision.elsewhere", link=row.link
        )
    close(actor, row, chosen(row, answer))
    return row


def chosen(row: Decision, answer: str) -> str:
    """Turn a choice's number into its words; anything else is an answer in words."""
    text = answer.strip()
    if re.fullmatch(r"[0-9]{1,9}", text) and row.choices:
        number = int(text)
        if not 1 <= number <= len(row.choices):
            raise Invalid(
                f"Question {row.number} has choices 1 to {len(row.choices)}.",
                code="decision.choice",
            )
        return str(row.choices[number - 1])
    return text


def close(actor: Actor, row: Decision, text: str) -> None:
    """Write the answer, deliver it to the asker, and let the objective go on."""
    DECISION_STATES.move(
        row,
        DecisionState.ANSWERED,
        answer=text,
        answered_by_id=actor.member_id,
        answered_via=actor.entry,
        answered_at=actor.now,
    )
    _log(actor, "decision.answered", row, answer=clip(text, 200), mentions=[row.asker_id])
    said = clip(" ".join(text.split()), 500)
    _say(actor, row, f"{access.me(actor).name} answers {row.kind} {row.number}: {said}")
    _go_on(row.objective)
    effects.carry_out(actor, row)


@action("decision.withdraw", needs="talk", returns=DecisionOut)
def withdraw(actor: Actor, decision: Number) -> Decision:
    """Take back a question you asked that needs no answer any more."""
    row = access.get_decision(actor, decision)
    access.refuse_unless(
        ok=row.asker_id == actor.member_id or actor.may("hub"),
        words="Only the asker may withdraw a question.",
        code="decision.not_yours",
    )
    cancel(actor, row)
    return row


def cancel(actor: Actor, row: Decision) -> None:
    """Withdraw an open card."""
    DECISION_STATES.move(row, DecisionState.CANCELED, answered_at=actor.now)
    _log(actor, "decision.canceled", row)
    _say(actor, row, f"{row.kind.capitalize()} {row.number} is withdrawn.")
    _go_on(row.objective)


def _say(actor: Actor, row: Decision, words: str) -> None:
    """Tell those who read the question in another chat client that it is closed."""
    if row.message is None or row.channel is None:
        return
    hub = replace(identify.of_hub(actor.project_id, "hub"), clock=actor.now, cause=actor.cause)
    home = channels.of_kind(actor, ChannelKind.PROJECT)
    for where in {row.channel.pk: row.channel, home.pk: home}.values():
        if where.archived_at is None:
            messages.take_in(hub, where, RichText.of(words), obey=False)


def hand_over(actor: Actor, giver: Member, taker: Member) -> list[int]:
    """Move, under the lock, the open cards of one member to another, who hears the answers."""
    rows = Decision.objects.open().filter(asker=giver, project_id=actor.project_id)
    numbers = []
    for row in rows.select_related("task", "channel", "objective", "message").order_by("number"):
        numbers.append(row.number)
        Decision.objects.filter(pk=row.pk).update(asker=taker)
        _log(actor, "decision.handed_over", row, to=taker.name)
    return numbers


def apply_defaults(actor: Actor, now: datetime) -> int:
    """Close, under the lock, the questions whose default applies by now; tell how many."""
    rows = Decision.objects.filter(project_id=actor.project_id).due(now)
    for row in rows.select_related("task", "channel", "objective", "message", "asker"):
        close(actor, row, row.default)
    return len(rows)


@action("decision.list", needs="read", returns=list[DecisionOut], writes=False)
def listing(actor: Actor, *, closed: bool = False, limit: Limit = 50) -> list[Decision]:
    """List what waits for a person, the oldest first; with `closed` also what is decided."""
    rows = Decision.objects.filter(project_id=actor.project_id).select_related("asker")
    rows = rows.order_by("number")
    return list((rows if closed else rows.open())[:limit])
