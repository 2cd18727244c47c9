"""What a dead worker of this machine held or left, found before anything new is begun.

Nothing here is needed for safety: leases end by themselves, and epochs fence. It is for time.
"""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from agents import children, workers
from agents.models import PullRequest, Session, ToolCall, Workspace
from hub import clock
from hub.models import Run

logger = logging.getLogger(__name__)


def reconcile(target: str) -> int:
    """Let go of what dead workers of this machine hold, and end the programs that they left.

    Gives the number of holds. A worker that cannot be judged from here keeps its own until they
    are over; one that lives keeps them.
    """
    now = clock.now()
    freed = sum(_free_session(row, now) for row in _held(target) if workers.is_gone(row.worker))
    freed += sum(_free_pull(row, now) for row in _worked_on(target) if workers.is_gone(row.worker))
    reap(target, now)
    if freed:
        logger.warning("%d holds of dead workers are let go on %s", freed, target)
    return freed


def _held(target: str) -> list[Session]:
    rows = Session.objects.filter(target__name=target, run__lease_until__isnull=False)
    return list(rows.exclude(worker="").select_related("run"))


def _worked_on(target: str) -> list[PullRequest]:
    rows = PullRequest.objects.filter(workspace__target__name=target, claimed_until__isnull=False)
    return list(rows.exclude(worker=""))


def _free_session(row: Session, now: datetime) -> bool:
    """End a lease now, unless another worker has the session by now."""
    with transaction.atomic():
        mine = Run.objects.filter(pk=row.run_id, epoch=row.run.epoch, lease_until__isnull=False)
        if not mine.update(lease_until=now):
            return False
        Session.objects.live().filter(pk=row.pk).update(due_at=now)
    return True


def _free_pull(row: PullRequest, now: datetime) -> bool:
    rows = PullRequest.objects.filter(pk=row.pk, attempt=row.attempt, claimed_until__isnull=False)
    return bool(rows.update(claimed_until=now))


def reap(target: str, now: datetime) -> None:
    """End the programs that nobody waits for any more, and what ended sessions still hold."""
    unheld = Q(run__lease_until=None) | Q(run__lease_until__lte=now)
    idle = Session.objects.filter(unheld, target__name=target)
    calls = ToolCall.objects.filter(child_pid__isnull=False, step__turn__session__in=idle)
    if not children.end(calls):
        logger.error("a program of a dead worker does not end on %s", target)
        return
    over = idle.filter(ended_at__isnull=False)
    Workspace.objects.filter(writer__session__in=over).update(writer=None)
    Run.objects.filter(session__in=over, lease_until__isnull=False).update(lease_until=None)
