"""One turn of a session: lease, inbox, provider, tools, record, release. Read from the top."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.db import InterfaceError, OperationalError, connections
from psycopg import errors as psycopg_errors

from agents import asking, brakes, checkouts, children, compose, handing, leases, reports, toolbox
from agents.asking import Interrupted
from agents.keeping import Keeper
from agents.leases import Lease
from agents.models import Session, Step, ToolCall, Turn, TurnState, Workspace
from agents.models.sessions import CallState
from agents.processes import Child
from agents.providers.base import GOES_ON, RequestRefused, ToolUse
from agents.toolbox import Outcome
from hub import faults, identify, registry
from hub.actor import Actor
from hub.errors import Conflict, HubError
from hub.text import mask

MAX_STEPS = 60

logger = logging.getLogger(__name__)


def run_next(target: str) -> bool:
    """Take the next due session of a target through one turn; tell whether there was one."""
    lease = leases.claim(target)
    if lease is None:
        return False
    faults.passed("turn.claimed")
    whole = False
    try:
        with leases.keep(lease) as keeper:
            whole = _guarded(lease, keeper)
    finally:
        leases.release(lease, whole=whole)
    faults.passed("turn.released")
    return True


def _guarded(lease: Lease, keeper: Keeper) -> bool:
    """Take the turn; tell whether it came as far as it can, or was left open."""
    actor = lease.actor()
    try:
        try:
            _turn(actor, lease, keeper)
        except Interrupted as stop:
            logger.info("session %s stops: %s", lease.session_id, stop)
        except Exception as error:
            if _passes(error):
                raise
            logger.exception("the turn of session %s failed", lease.session_id)
            _fail(actor, lease, error)
    except (HubError, OperationalError, InterfaceError) as error:
        if not _passes(error):
            raise
        logger.warning("the turn of session %s is left open: %s", lease.session_id, error)
        if isinstance(error, HubError):
            _note_late(lease, error)
        return False
    return True


def _note_late(lease: Lease, error: HubError) -> None:
    """Leave one row of evidence that a session which is over got one more report."""
    row = Session.objects.filter(pk=lease.session_id, ended_at__isnull=False).first()
    if row is None or not error.code.startswith("run."):
        return
    facts = {"session": row.number, "epoch": lease.epoch, "code": error.code}
    key = f"late:{row.pk}:{lease.epoch}"
    with suppress(HubError):
        registry.call(identify.of_hub(row.project_id), "session.late_result", facts, key)


def _passes(error: Exception) -> bool:
    """Tell what is no fault of the turn: it was taken over or ended, or the database is away."""
    if isinstance(error, HubError):
        return error.code.startswith("run.") or error.code == "project.busy"
    is_slow = isinstance(error.__cause__, psycopg_errors.QueryCanceled)
    return isinstance(error, OperationalError | InterfaceError) and not is_slow


def _fail(actor: Actor, lease: Lease, error: Exception) -> None:
    words = error.message if isinstance(error, HubError) else f"{type(error).__name__}: {error}"
    if not Turn.objects.filter(session_id=lease.session_id, state=TurnState.RUNNING).exists():
        registry.call(actor, "turn.begin", {})
    final = isinstance(error, RequestRefused)
    by_provider = final or (isinstance(error, HubError) and error.code == "provider.gave_up")
    registry.call(actor, "turn.end", {"error": words, "final": final, "by_provider": by_provider})


def _turn(actor: Actor, lease: Lease, keeper: Keeper) -> None:
    session = load(lease.session_id)
    fresh = not session.turns.filter(state=TurnState.RUNNING).exists()
    inbox = registry.call(actor, "turn.news", {})
    shift = handing.look(session)
    silent = not inbox["items"] and not inbox["skipped"] and not shift.asks
    if fresh and silent and session.turns.exists():
        return
    if not children.end(children.of_session(session)):
        registry.call(actor, "turn.wait", {"reason": "a program of its last turn does not end"})
        return
    begun = registry.call(actor, "turn.begin", {})
    faults.passed("turn.begun")
    workspace = _workspace(actor, session)
    if workspace is None and _needs_checkout(session) and session.role in toolbox.WRITERS:
        registry.call(actor, "turn.wait", {"reason": "another agent is writing in the checkout"})
        return
    if begun["is_new"] or not session.turns.get(number=begun["number"]).prompt:
        inbox = reports.with_changes(session, inbox)
        news = {
            "prompt": compose.prompt(session, inbox),
            "shown": compose.prompt(session, compose.public(inbox)),
            "news": inbox["items"],
            "upto": inbox["upto"],
        }
        registry.call(actor, "turn.read", handing.told(actor, session, shift, news))
        faults.passed("turn.read")
    try:
        _answers(actor, lease, keeper)
    except Interrupted:
        if not keeper.lost.is_set():
            _leave(actor, session, workspace)
        raise
    if load(lease.session_id).ended_at is not None:
        return
    _leave(actor, session, workspace)
    registry.call(actor, "turn.end", {})
    handing.weigh(actor, session, begun["number"])
    faults.passed("turn.ended")


def _leave(actor: Actor, session: Session, workspace: Workspace | None) -> None:
    """Commit what the turn wrote, and let others write."""
    if workspace is not None and session.role in toolbox.WRITERS:
        checkouts.save(actor, session, workspace)
        faults.passed("turn.saved")
        registry.call(actor, "workspace.leave", {})
        faults.passed("turn.left")


def load(pk: int) -> Session:
    """Read a session with all that a turn looks at."""
    rows = Session.objects.select_related(
        *("member", "task__channel", "task__opened_by", "objective__opened_by"),
        *("project", "workspace", "run", "target", "parent__member"),
    )
    return rows.get(pk=pk)


def _needs_checkout(session: Session) -> bool:
    has_work = session.task is not None and session.task.ended_at is None
    return has_work and bool(session.project.repository) and session.role in toolbox.CHECKOUT_TOOLS


def _workspace(actor: Actor, session: Session) -> Workspace | None:
    if not _needs_checkout(session):
        return None
    taken = registry.call(actor, "workspace.take", {"write": session.role in toolbox.WRITERS})
    if taken is None:
        return None
    workspace = Workspace.objects.select_related("task").get(pk=taken["id"])
    if session.role in toolbox.WRITERS and not children.end(children.of_others(workspace, session)):
        registry.call(actor, "workspace.leave", {})
        return None
    faults.passed("turn.taken")
    checkouts.prepare(actor, session, workspace)
    session.workspace = workspace
    return workspace


def _answers(actor: Actor, lease: Lease, keeper: Keeper) -> None:
    while True:
        session = load(lease.session_id)
        turn = session.turns.filter(state=TurnState.RUNNING).first()
        if turn is None:
            return
        steps = list(turn.steps.prefetch_related("calls").order_by("number"))
        handing.settle(actor, session, steps)
        values = _finish_calls(actor, session, turn, steps, keeper)
        if session.ended_at is not None or load(lease.session_id).ended_at is not None:
            return
        if steps and _is_over(steps[-1]):
            return
        if handing.is_over(actor, session, steps):
            return
        if len(steps) >= MAX_STEPS:
            raise Conflict(f"A turn has at most {MAX_STEPS} steps.", code="turn.too_long")
        _check(session, keeper)
        asking.ask(actor, session, turn, (steps, values), keeper)


def _is_over(step: Step) -> bool:
    return step.is_last or not (step.calls.all() or step.stop_reason in GOES_ON)


def _check(session: Session, keeper: Keeper) -> None:
    reason = keeper.stop() or brakes.before_a_step(session.pk)
    if reason:
        raise Interrupted(reason)


def _finish_calls(
    actor: Actor, session: Session, turn: Turn, steps: list[Step], keeper: Keeper
) -> Mapping[int, Any]:
    values: dict[int, Any] = {}
    for call in steps[-1].calls.all() if steps else ():
        if call.state in {CallState.PLANNED, CallState.BEGUN}:
            _check(session, keeper)
            values[call.pk] = _run(actor, session, turn, call, keeper)
    return values


def _run(actor: Actor, session: Session, turn: Turn, call: ToolCall, keeper: Keeper) -> Any:
    def started(child: Child) -> None:
        children.record(actor, call.pk, child)
        faults.passed("call.started")
        _let_go()
        keeper.watch(child)

    use = ToolUse(id=call.use_id, name=call.name, arguments=call.arguments)
    if not toolbox.is_repeatable(call.name):
        registry.call(actor, "turn.begin_call", {"call": call.pk, "activity": call.name})
        faults.passed("call.begun")
    _let_go()
    key = f"session:{session.pk}:{turn.number}:{call.pk}"
    outcome = _told(toolbox.run(actor, session, use, key, started), keeper)
    faults.passed("call.done")
    if Session.objects.filter(pk=session.pk, ended_at__isnull=False).exists():
        return outcome.value
    registry.call(
        actor,
        "turn.end_call",
        {
            "call": call.pk,
            "result": outcome.text,
            "is_error": outcome.is_error,
            "exit_code": outcome.exit_code,
            "seconds": outcome.seconds,
        },
    )
    faults.passed("call.stored")
    call.state, call.result, call.is_error = CallState.DONE, mask(outcome.text), outcome.is_error
    return outcome.value


def _told(outcome: Outcome, keeper: Keeper) -> Outcome:
    """Say in a command's result that it was broken off, and why."""
    if not keeper.killed or outcome.is_error:
        return outcome
    note = f"[broken off, {keeper.stop()}: it may be half done]"
    return replace(outcome, text=f"{outcome.text.rstrip()}\n{note}".lstrip(), is_error=True)


def _let_go() -> None:
    """Give the database connection back before anything slow."""
    connections.close_all()
