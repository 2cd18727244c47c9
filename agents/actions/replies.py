"""What comes of a question beside the turns: money for it, the answer in a channel, or why none."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from agents.models import ASIDE_STATES, Aside, AsideKind, AsideState
from agents.schemas import ReservedOut
from hub import identify
from hub.actions import events, ledger, messages
from hub.actor import Actor
from hub.errors import Conflict, Invalid, NotFound, OverBudget
from hub.markdown import RichText
from hub.policy.prices import is_free
from hub.registry import action
from hub.schemas import Done
from hub.text import clip, mask

from .asides import home

MAX_ANSWER_CHARS = 4_000
MAX_MODEL_CHARS = 80
HELD_S = 900  # longer than any answer is waited for
AsideId = Annotated[int, Field(gt=0)]
Attempt = Annotated[int, Field(ge=0)]
Tokens = Annotated[int, Field(ge=0)]
Usage = dict[str, Tokens]


@action("aside.reserve", needs="hub", returns=ReservedOut)
def reserve(
    actor: Actor, aside: AsideId, *, attempt: Attempt, model: str, prompt_tokens: Tokens
) -> ReservedOut:
    """Set aside what an answer may cost, at the account of the agent that is asked.

    Raises Unavailable while others' reservations hold what is left.
    """
    row = _claimed(actor, aside, attempt)
    if is_free(row.session.provider):
        return ReservedOut(is_reserved=True)
    payer = _payer(actor, row)
    try:
        ledger.reserve(payer, _call(payer, row, model), prompt_tokens)
    except OverBudget as error:
        return ReservedOut(is_reserved=False, reason=error.message)
    return ReservedOut(is_reserved=True)


@action("aside.unreserve", needs="hub", returns=Done)
def unreserve(actor: Actor, aside: AsideId, *, attempt: Attempt, billed: bool) -> Done:
    """Say that no answer came: give back what was reserved, or book it when it may be billed."""
    row = _claimed(actor, aside, attempt)
    payer = _payer(actor, row)
    ledger.end_call(payer, _call(payer, row, ""), billed=billed)
    return Done()


def _payer(actor: Actor, row: Aside) -> Actor:
    run = row.session.run
    return replace(actor, member_id=row.session.member_id, run_id=run.pk, epoch=run.epoch)


def _call(payer: Actor, row: Aside, model: str) -> ledger.Call:
    return ledger.Call(
        session=row.session.number,
        turn=0,
        step=row.pk,
        provider=row.session.provider,
        model=clip(model, MAX_MODEL_CHARS),
        objective_id=row.session.objective_id,
        task_id=row.session.task_id,
        held_until=payer.now + timedelta(seconds=HELD_S),
    )


@action("aside.answer", needs="hub", returns=Done)
def answer(
    actor: Actor,
    aside: AsideId,
    *,
    attempt: Attempt,
    text: str,
    model: str = "",
    usage: Usage | None = None,
) -> Done:
    """Post, in its name, what an agent that is gone answered, and book what the answer took."""
    row = _claimed(actor, aside, attempt)
    text = clip(mask(text), MAX_ANSWER_CHARS)
    _book(actor, row, model, usage)
    _close(actor, row, AsideState.ANSWERED, "session.replied", answer=text)
    name = row.session.member.name
    head = f"*{name}, who is retired, answers from the memory of session {row.session.number}:*"
    said = _text(f"{head}\n\n{text}", f"{head} (an answer that no channel takes)")
    speaker = identify.of_member(row.session.member, "session").at(actor.now)
    messages.take_in(speaker, row.channel, said, reply_to=row.message, obey=False)
    return Done()


@action("aside.verdict", needs="hub", returns=Done)
def verdict(
    actor: Actor,
    aside: AsideId,
    *,
    attempt: Attempt,
    state: Literal["busy", "idle", "stuck"],
    why: str,
    model: str = "",
    usage: Usage | None = None,
) -> Done:
    """Keep what a model judged of an agent; it is said where somebody asked in a channel."""
    row = _claimed(actor, aside, attempt)
    why = clip(" ".join(mask(why).split()), 300)
    in_chat = row.message is not None
    _book(actor, row, model, usage)
    _close(actor, row, AsideState.ANSWERED, "session.judged", answer=f"{state}: {why}", says=state)
    if in_chat:
        name = row.session.member.name
        plain = f"A model judges {name} to be {state}."
        _say_as_hub(actor, row, _text(f"{plain}\n\n> {why}", plain))
    return Done()


@action("aside.fail", needs="hub", returns=Done)
def fail(actor: Actor, aside: AsideId, reason: str, *, attempt: Attempt) -> Done:
    """Say that a question beside the turns gets no answer, and why."""
    row = _claimed(actor, aside, attempt)
    reason = clip(mask(reason), 500)
    is_heard = row.kind == AsideKind.RECALL or row.message is not None
    _close(actor, row, AsideState.FAILED, "session.silent", answer=reason)
    if not is_heard:
        return Done()
    name = row.session.member.name
    plain = f"{name} cannot answer any more"
    if row.kind == AsideKind.JUDGE:
        plain = f"{name} was not judged and counts as busy"
    _say_as_hub(actor, row, _text(f"{plain}: {reason}", f"{plain}."))
    return Done()


def _say_as_hub(actor: Actor, row: Aside, said: RichText) -> None:
    hub = replace(identify.of_hub(actor.project_id, "hub"), clock=actor.now)
    messages.take_in(hub, row.channel, said, reply_to=row.message, obey=False)


def _claimed(actor: Actor, aside: int, attempt: int) -> Aside:
    rows = Aside.objects.filter(pk=aside, project_id=actor.project_id)
    row = rows.select_related("session__member", "session__run", "channel", "message").first()
    if row is None:
        raise NotFound("There is no such question.", code="aside.unknown")
    if row.attempt != attempt:
        raise Conflict("Another job answers this question now.", code="aside.stale")
    return row


def _book(actor: Actor, row: Aside, model: str, usage: Usage | None) -> None:
    row.model = clip(model, MAX_MODEL_CHARS)
    payer = _payer(actor, row)
    ledger.settle(payer, _call(payer, row, row.model), usage)


def _close(
    actor: Actor, row: Aside, state: AsideState, name: str, *, answer: str, says: str = ""
) -> None:
    over = {"ended_at": actor.now, "claimed_until": None}
    ASIDE_STATES.move(row, state, answer=answer, model=row.model, **over)
    if row.channel.archived_at is not None:
        row.channel, row.message = home(actor), None
    subject = f"session:{row.session.number}"
    facts = {"verdict": says} if says else {}
    events.record(actor, name, subject, channel=row.channel, aside=row.pk, **facts)


def _text(text: str, instead: str) -> RichText:
    try:
        return RichText.of(text)
    except Invalid:
        return RichText.of(instead)
