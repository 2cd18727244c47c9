"""What a worker writes while it runs a turn: all fenced by the run's epoch, none of it an event
but the end of the turn.
"""

from datetime import timedelta
from typing import Any

from django.db.models import F

from agents import access as own
from agents import hearing, paying, waking
from agents.models import (
    SESSION_STATES,
    Entry,
    EntryKind,
    Session,
    SessionState,
    Step,
    ToolCall,
    Turn,
    TurnState,
    Workspace,
)
from agents.models.sessions import CallState
from agents.schemas import TurnOut
from hub import fanout
from hub.actions import events, inbox, ledger, troubles
from hub.actor import Actor
from hub.errors import Invalid
from hub.models import Decision, DecisionKind
from hub.policy.costs import FIELDS
from hub.policy.prices import Tokens
from hub.registry import action
from hub.schemas import Done, InboxOut
from hub.text import clip, mask

from . import breakers, cards

MAX_ENTRY_CHARS = 32_000
MAX_FAILURES = 3
NEWS_TOKENS = 6_000  # a hand-off with its notes fits
MAX_TOOL_CHARS = 48  # a longer name is no tool of ours
SIGNED = frozenset({"thinking", "redacted_thinking"})  # a changed thought is not taken back
Facts = dict[str, Any]


def session_of(actor: Actor) -> Session:
    """Give the session whose turn the actor is. Raises Invalid for anybody else."""
    row = own.own_session(actor)
    if row is None:
        raise Invalid("Only a worker reports turns, for its own session.", code="session.none")
    return row


def append(actor: Actor, row: Session, turn: Turn | None, kind: EntryKind, **values: Any) -> Entry:
    """Write one transcript row; secrets are masked here, the transcript's only way in."""
    last = Entry.objects.filter(session=row).order_by("-seq").values_list("seq", flat=True).first()
    values["text"] = clip(mask(str(values.get("text", ""))), MAX_ENTRY_CHARS)
    values["title"] = clip(mask(str(values.get("title", ""))), 200)
    entry = Entry.objects.create(
        session=row, turn=turn, seq=(last or 0) + 1, kind=kind, at=actor.now, **values
    )
    fanout.wake(actor.project_id, entry.seq, f"session:{row.number}")
    return entry


@action("turn.begin", needs="run", returns=TurnOut)
def begin(actor: Actor) -> TurnOut:
    """Begin a turn, or go on with the one that a crash left unfinished."""
    row = session_of(actor)
    if row.state == SessionState.QUEUED:
        SESSION_STATES.move(row, SessionState.STARTING, started_at=actor.now)
    if row.state != SessionState.RUNNING:
        SESSION_STATES.move(row, SessionState.RUNNING, activity="reading")
    open_turn = row.turns.filter(state=TurnState.RUNNING).first()
    ledger.end_reserved(actor, billed=True)  # a crash came between the call and its answer
    if open_turn:
        ToolCall.objects.filter(step__turn=open_turn, state=CallState.BEGUN).update(
            state=CallState.INTERRUPTED,
            is_error=True,
            result="A crash came in between: it may have happened. Look before you repeat it.",
        )
        append(actor, row, open_turn, EntryKind.NOTE, text="Taken up again after an interruption.")
        return TurnOut(number=open_turn.number, is_new=False)
    last = row.turns.order_by("-number").values_list("number", flat=True).first() or 0
    turn = Turn.objects.create(session=row, number=last + 1, started_at=actor.now)
    return TurnOut(number=turn.number, is_new=True)


def masked(value: Any) -> Any:
    """Mask secrets in plain values, deeply."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {name: masked(item) for name, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


def current(row: Session) -> Turn:
    """Give the session's running turn."""
    return row.turns.get(state=TurnState.RUNNING)


@action("turn.read", needs="run", returns=Done)
def read(actor: Actor, prompt: str, news: list[Facts], upto: int, shown: str = "") -> Done:
    """Store what the turn will tell the model, before it is told.

    `shown` is the prompt as the transcript has it: without private words.
    """
    row = session_of(actor)
    turn = current(row)
    Turn.objects.filter(pk=turn.pk).update(prompt=mask(prompt), news=news, upto=upto)
    append(actor, row, turn, EntryKind.READ, title=f"{len(news)} new", text=shown or prompt)
    return Done()


@action("turn.answer", needs="run", returns=Done)
def answer(
    actor: Actor,
    text: str,
    calls: list[Facts],
    *,
    is_last: bool,
    state: Facts,
    usage: dict[str, int] | None = None,
    content: list[Facts] = [],  # noqa: B006 - pydantic copies
    model: str = "",
    stop_reason: str = "",
) -> Done:
    """Store the model's answer, before any of its tool calls runs."""
    row = session_of(actor)
    turn = current(row)
    number = turn.steps.count() + 1
    call = paying.call_of(row, turn, model)
    text = mask(text)
    step = Step.objects.create(
        turn=turn,
        number=number,
        text=text,
        content=[block if block.get("type") in SIGNED else masked(block) for block in content],
        model=clip(model, 80),
        stop_reason=clip(stop_reason, 40),
        is_last=is_last,
        at=actor.now,
    )
    ToolCall.objects.bulk_create(
        ToolCall(
            step=step,
            number=index,
            use_id=call["id"],
            name=clip(call["name"], MAX_TOOL_CHARS),
            arguments=call["arguments"],
        )
        for index, call in enumerate(calls, 1)
    )
    Session.objects.filter(pk=row.pk).update(provider_state=state, retries=0, parked_until=None)
    _count(row, turn, ledger.settle(actor, call, usage).tokens)
    if text:
        append(actor, row, turn, EntryKind.SAID, text=text)
    return Done()


def _count(row: Session, turn: Turn, tokens: Tokens) -> None:
    """Add an answer's tokens to its turn; all of them together are the conversation's size."""
    counted = {field: F(field) + getattr(tokens, name) for name, field in FIELDS.items()}
    Turn.objects.filter(pk=turn.pk).update(**counted)
    if tokens.total:
        Session.objects.filter(pk=row.pk).update(context_tokens=tokens.total)


@action("turn.end", needs="run", returns=Done)
def end(actor: Actor, *, error: str = "", final: bool = False, by_provider: bool = False) -> Done:
    """End the turn: acknowledge what it read, and sleep until something happens.

    A failed turn is tried again, three times, with a growing pause; then, and at once when it is
    `final`, the session waits for a person. What failed `by_provider` counts for its breaker.
    """
    row = session_of(actor)
    turn = current(row)
    state = TurnState.FAILED if error else TurnState.DONE
    Turn.objects.filter(pk=turn.pk).update(state=state, error=mask(error), ended_at=actor.now)
    if error:
        append(actor, row, turn, EntryKind.ERROR, title="the turn failed", text=error)
        _after_failure(actor, row, error, is_final=final)
        if by_provider:
            breakers.failed_alike(actor, row, error)
    elif row.relieved_at is None:  # else its successor reads what this turn was shown
        _acknowledge(actor, row, turn)
    if row.state == SessionState.RUNNING and _asks(row):
        SESSION_STATES.move(row, SessionState.WAITING_USER)
    events.record(
        actor, "session.turn", f"session:{row.number}", turn=turn.number, failed=bool(error)
    )
    return Done()


def _acknowledge(actor: Actor, row: Session, turn: Turn) -> None:
    """Move the cursor to what the turn was shown; if that was a full inbox, more lies behind."""
    reader = inbox.reader_name(row.member_id)
    after = events.cursor_of(actor.project_id, reader)
    events.advance_cursor(actor.project_id, reader, turn.upto)
    Session.objects.filter(pk=row.pk).update(failures=0, activity="")
    shown = events.visible(actor).filter(seq__gt=after, seq__lte=turn.upto)
    if shown.exclude(actor_id=actor.member_id).count() >= inbox.MAX_EVENTS:
        Session.objects.filter(pk=row.pk, due_at=None).update(due_at=actor.now)
    waking.wake_again(row, turn.upto, hearing.known(row), actor.now)


@action("turn.news", needs="run", returns=InboxOut, writes=False)
def news(actor: Actor) -> InboxOut:
    """Read what is new for the agent; what is said about its task and where it works counts.

    What it heard in the middle of a turn is not given again.
    """
    row = session_of(actor)
    found = inbox.unread(actor, waking.at_work(row, inbox.profile(actor)), NEWS_TOKENS)
    heard = hearing.known(row)
    return found.model_copy(
        update={"items": [item for item in found.items if item.seq not in heard]}
    )


def close_last(actor: Actor, row: Session, summary: str) -> None:
    """Close the turn in which a session ends, with its summary as the transcript's last word."""
    turn = row.turns.filter(state=TurnState.RUNNING).first()
    if turn:
        Turn.objects.filter(pk=turn.pk).update(state=TurnState.DONE, ended_at=actor.now)
        last = ToolCall.objects.filter(step__turn=turn, name="session_finish")
        last.update(state=CallState.DONE, result="Your part is over.")
    append(actor, row, turn, EntryKind.NOTE, title="the end", text=summary)


def _asks(row: Session) -> bool:
    mine = Decision.objects.open().filter(asker_id=row.member_id)
    return mine.filter(kind=DecisionKind.QUESTION).exists()


def _after_failure(actor: Actor, row: Session, error: str, *, is_final: bool) -> None:
    """Try again after a pause, or hold the session; what holds it already goes on to do so."""
    failures = row.failures + 1
    pause = timedelta(seconds=10 * 2 ** (failures - 1))
    over = is_final or failures >= MAX_FAILURES
    why = "a turn that cannot succeed" if is_final else "three failed turns"
    mine = Session.objects.filter(pk=row.pk)
    mine.update(
        failures=0 if over else failures,
        due_at=None if over else actor.now + pause,
    )
    activity = f"paused after {why}" if over else "trying again soon"
    mine.filter(paused_at=None).update(paused_at=actor.now if over else None, activity=activity)
    if not over:
        return
    text = f"Session {row.number} is paused after {why}: {clip(error, 500)}"
    cards.open_brake(actor, row, f"{why}, the last with: {clip(error, 300)}")
    told = troubles.Report(text=text, subject=f"session:{row.number}", kind="turn failed")
    troubles.take_up(actor, told)
    parent = [row.parent.member_id] if row.parent else []
    subject = f"session:{row.number}"
    events.record(actor, "session.paused", subject, reason=why, mentions=parent)


def take_workspace(actor: Actor, workspace: Workspace) -> bool:
    """Become a checkout's only writer, under the lock; tell whether it worked."""
    free = Workspace.objects.filter(pk=workspace.pk, writer=None)
    stale = Workspace.objects.filter(pk=workspace.pk, writer__lease_until__lte=actor.now)
    over = Workspace.objects.filter(pk=workspace.pk, writer__lease_until=None)
    mine = Workspace.objects.filter(pk=workspace.pk, writer_id=actor.run_id)
    return any(rows.update(writer_id=actor.run_id) for rows in (free, mine, stale, over))
