"""Programs that tools started on this machine: recorded, and ended by whoever takes over.

Their pid and start time are known afterwards. Of a contained program it is the first process of
its PID namespace, with which all others end; of another one it is the leader of its group.
"""

import time

from django.db.models import QuerySet

from agents import processes
from agents.models import Session, ToolCall, Workspace
from agents.models.sessions import CallState
from agents.processes import Child
from hub.actor import Actor
from hub.errors import Conflict

PATIENCE_S = 2.0
LOOK_S = 0.02


def record(actor: Actor, call: int, child: Child) -> None:
    """Write which program a begun call started; a guarded update without an event.

    Raises Conflict `run.stale` when the session was taken over or has ended.
    """
    mine = Session.objects.filter(
        run=actor.run_id, run__epoch=actor.epoch, run__ended_at=None
    ).values("pk")
    rows = ToolCall.objects.filter(pk=call, state=CallState.BEGUN, step__turn__session__in=mine)
    if not rows.update(child_pid=child.pid, child_ticks=child.start_ticks):
        raise Conflict(
            "This session was taken over or has ended; its program is stopped.", code="run.stale"
        )


def of_session(session: Session) -> QuerySet[ToolCall]:
    """Select a session's calls whose program nobody has seen the end of."""
    return ToolCall.objects.filter(child_pid__isnull=False, step__turn__session=session)


def of_others(workspace: Workspace, session: Session) -> QuerySet[ToolCall]:
    """Select such calls of the sessions that worked in a checkout before."""
    rows = ToolCall.objects.filter(child_pid__isnull=False)
    return rows.filter(step__turn__session__workspace=workspace).exclude(
        step__turn__session=session
    )


def of_target(target: str) -> QuerySet[ToolCall]:
    """Select such calls of everybody on a target, for the global stop."""
    rows = ToolCall.objects.filter(child_pid__isnull=False)
    return rows.filter(step__turn__session__target__name=target)


def end(calls: QuerySet[ToolCall]) -> bool:
    """Kill the programs of some calls and wait for their end; tell whether all are gone."""
    found = {
        call.pk: Child(pid=call.child_pid or 0, start_ticks=call.child_ticks or 0) for call in calls
    }
    for child in found.values():
        processes.kill(child)
    deadline = time.monotonic() + PATIENCE_S
    while any(map(processes.is_running, found.values())) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    gone = [pk for pk, child in found.items() if not processes.is_running(child)]
    if gone:
        ToolCall.objects.filter(pk__in=gone).update(child_pid=None, child_ticks=None)
    return len(gone) == len(found)
