"""The tool calls of a turn as a worker reports them: begun, and what came of each."""

from agents.models import EntryKind, Session, ToolCall
from agents.models.sessions import CallState
from hub import access
from hub.actor import Actor
from hub.errors import NotFound
from hub.models import ChannelKind
from hub.registry import action
from hub.schemas import Done
from hub.text import clip, mask

from . import shifts
from .turns import Facts, append, masked, session_of

PRIVATE = "(private)"


@action("turn.begin_call", needs="run", returns=Done)
def begin_call(actor: Actor, call: int, activity: str = "") -> Done:
    """Write that a tool call is about to run; without a result it counts as interrupted."""
    row = session_of(actor)
    ToolCall.objects.filter(pk=call, step__turn__session=row).update(state=CallState.BEGUN)
    Session.objects.filter(pk=row.pk).update(activity=clip(activity, 200))
    return Done()


@action("turn.end_call", needs="run", returns=Done)
def end_call(
    actor: Actor,
    call: int,
    result: str,
    *,
    is_error: bool = False,
    exit_code: int | None = None,
    seconds: float | None = None,
) -> Done:
    """Write a tool call's result; what is said in private stays out of the transcript."""
    row = session_of(actor)
    found = ToolCall.objects.select_related("step__turn").get(pk=call, step__turn__session=row)
    private = _is_private(actor, found.arguments)
    ToolCall.objects.filter(pk=found.pk).update(
        state=CallState.DONE,
        arguments=masked(found.arguments),
        result=mask(result),
        is_error=is_error,
        exit_code=exit_code,
        seconds=seconds,
        child_pid=None,
        child_ticks=None,
    )
    append(
        actor,
        row,
        found.step.turn,
        EntryKind.ERROR if is_error else EntryKind.TOOL,
        title=f"{found.name} {PRIVATE if private else _argument(found.arguments)}",
        text=PRIVATE if private else result,
        exit_code=exit_code,
        seconds=seconds,
    )
    if is_error and found.name == shifts.TOOL:
        shifts.miss(actor, row)
    return Done()


def _argument(arguments: Facts) -> str:
    for name in ("command", "path", "title", "text", "task", "role", "pull"):
        if name in arguments:
            return clip(str(arguments[name]).replace("\n", " "), 120)
    return ""


def _is_private(actor: Actor, arguments: Facts) -> bool:
    where = arguments.get("channel")
    if not isinstance(where, int | str):
        return False
    try:
        return access.get_channel(actor, where).kind == ChannelKind.DIRECT
    except NotFound:
        return False
