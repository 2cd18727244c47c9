"""The hub's Celery jobs: one sweep over rows that are due. Any number of beats is safe."""

import logging
from collections.abc import Callable

from celery import shared_task

from hub import clock, faults, identify
from hub.actions import decisions, events, failures, ledger, messages, tasks, troubles
from hub.errors import Unavailable
from hub.models import HOUSE, Charge, Decision, Message, Task, Trouble
from hub.models.projects import project_lock

HEARTBEAT = "beat"  # name of the cursor that `/readyz` looks at: beat and a worker did their work

MAX_MESSAGES = 200  # half-handled ones that one sweep finishes

logger = logging.getLogger(__name__)


@shared_task(name="hub.jobs.sweep", time_limit=90)
def sweep() -> None:
    """Finish half-handled messages, lapse claims, apply defaults: whatever a crash or time left."""
    now = clock.now()
    halves = Message.objects.half_handled(now).order_by("posted_at").values_list("pk", "project_id")
    for pk, project_id in halves[:MAX_MESSAGES]:
        _try(pk, messages.handle, project_id)
    faults.passed("sweep.messages")
    lapsed = Task.objects.lease_over(now).values_list("project_id", flat=True)
    due = Decision.objects.due(now).values_list("project_id", flat=True)
    orphaned = Charge.objects.orphaned(now).values_list("project_id", flat=True)
    unheard = Trouble.objects.unheard(troubles.patience(now)).values_list("project_id", flat=True)
    for project_id in sorted({*lapsed, *due, *orphaned, *unheard} - {HOUSE}):
        _try(project_id, _sweep_project, project_id)
    faults.passed("sweep.lapsed")
    events.advance_cursor(HOUSE, HEARTBEAT, int(now.timestamp()))


def _sweep_project(project_id: int) -> None:
    with project_lock(project_id) as lock:
        actor = identify.of_hub(project_id).at(lock.now)
        tasks.lapse(actor, lock.now)
        decisions.apply_defaults(actor, lock.now)
        ledger.book_orphans(actor, lock.now)
        troubles.ping(actor, lock.now)


def _try(pk: int, work: Callable[[int], None], project_id: int) -> None:
    try:
        work(pk)
    except Unavailable as error:
        logger.warning("left for the next sweep: %s", error)
    except Exception as error:  # one row that cannot be handled must not keep the others waiting
        logger.exception("%s of %d failed", work.__name__, pk)
        failures.of_sweep(project_id, work.__name__, error)
