"""Celery's jobs for agents: hints to look at rows. Delivered twice or never, nothing changes."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task, signals
from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import Exists, OuterRef

from agents import (
    asides,
    brakes,
    children,
    leases,
    merging,
    reclaiming,
    recovery,
    supervising,
    turns,
    waking,
)
from agents.actions import endings, guards, sessions, shifts, supervisor
from agents.models import Aside, PullRequest, Session, Target, TargetState
from hub import clock, fanout, faults, identify
from hub.actions import failures
from hub.errors import HubError, Unavailable
from hub.models import HOUSE, Project
from hub.models.projects import project_lock

TASK_LEASE_S = 900
LOOK_AFTER_S = 60  # between two looks at what a target may remove from its disk

logger = logging.getLogger(__name__)


def queue() -> str:
    """Name this host's queue of turns and git work."""
    return f"sessions.{settings.PARLEY_TARGET}"


@signals.celeryd_after_setup.connect
def begin(instance: Any, **_: object) -> None:
    """Before a sessions worker takes its first job, take up what a dead one of this host held."""
    if queue() not in instance.app.amqp.queues.consume_from:
        return
    try:
        recovery.reconcile(settings.PARLEY_TARGET)
    except (HubError, DatabaseError):  # leases end by themselves, only later
        logger.exception("what dead workers hold is not looked at")
    finally:
        connections.close_all()
    ring_pulls()
    ring()


@shared_task(name="agents.jobs.look_after", time_limit=600)
def look_after() -> None:
    """Let go of what dead workers of this host hold, and remove from its disk what may go."""
    recovery.reconcile(settings.PARLEY_TARGET)
    reclaiming.reclaim(settings.PARLEY_TARGET)
    reclaiming.clear_scratch(settings.PARLEY_TARGET)


@shared_task(name="agents.jobs.end_programs", time_limit=60)
def end_programs() -> None:
    """End every program of an agent on this host: what a dead worker left running at a stop."""
    children.end(children.of_target(settings.PARLEY_TARGET))


@shared_task(name="agents.jobs.run_turn")
def run_turn() -> None:
    """Run one turn of whatever session is due here, and ring again if more is."""
    if turns.run_next(settings.PARLEY_TARGET) and leases.waiting(settings.PARLEY_TARGET):
        fanout.send_job("agents.jobs.run_turn", queue=queue())


@shared_task(name="agents.jobs.work_on_pull")
def work_on_pull(pk: int) -> None:
    """Prepare or merge one pull request."""
    merging.work_on(pk)


@shared_task(name="agents.jobs.answer_aside")
def answer_aside(pk: int) -> None:
    """Answer one question to an agent that is gone, or about one that seems to wait."""
    asides.answer(pk)


@shared_task(name="agents.jobs.sweep", time_limit=90)
def sweep() -> None:
    """Staff projects, hold the claims of live sessions, wake and ring what is due."""
    now = clock.now()
    sessions.hold_tasks(now, TASK_LEASE_S)
    faults.passed("sweep.claims")
    if brakes.house_is_stopped():
        _end_programs()
    for point, due, work in DUTIES:
        for project_id in due(now):
            _try(work, project_id)
        faults.passed(point)
    ring_pulls()
    ring_asides()
    ring()
    _look_after_hosts(now)


def _end_programs() -> None:
    """Let the hosts on which programs are recorded end them: nobody else can reach those."""
    rows = Target.objects.filter(sessions__turns__steps__calls__child_pid__isnull=False)
    for name in rows.values_list("name", flat=True).distinct():
        fanout.send_job("agents.jobs.end_programs", queue=f"sessions.{name}")


def _look_after_hosts(now: datetime) -> None:
    """Let each host tidy up, now and then."""
    if now.timestamp() % LOOK_AFTER_S < settings.SWEEP_S:
        for target in Target.objects.exclude(state=TargetState.DISABLED):
            fanout.send_job("agents.jobs.look_after", queue=f"sessions.{target.name}")


def _try(work: Callable[[int], object], project_id: int) -> None:
    try:
        work(project_id)
    except Unavailable as error:
        logger.warning("left for the next sweep: %s", error)
    except Exception as error:  # what cannot be handled must not keep the others waiting
        logger.exception("%s of project %d failed", work.__name__, project_id)
        failures.of_sweep(project_id, work.__name__, error)


def _unstaffed(_now: datetime) -> list[int]:
    live = Session.objects.live().filter(project_id=OuterRef("pk"), role="em")
    rows = Project.objects.exclude(pk=HOUSE).exclude(repository="").filter(archived_at=None)
    return list(rows.filter(~Exists(live)).values_list("pk", flat=True).order_by("pk"))


def _staff(project_id: int) -> None:
    with project_lock(project_id) as lock:
        project = Project.objects.get(pk=project_id)
        sessions.ensure_em(identify.of_hub(project_id).at(lock.now), project)


def _with_retired(_now: datetime) -> list[int]:
    rows = Session.objects.live().exclude(member__retired_at=None)
    return sorted(set(rows.values_list("project_id", flat=True)))


def _end_retired(project_id: int) -> None:
    with project_lock(project_id) as lock:
        endings.end_retired(identify.of_hub(project_id).at(lock.now))


def _compose_overdue(project_id: int) -> None:
    with project_lock(project_id) as lock:
        shifts.compose_overdue(identify.of_hub(project_id).at(lock.now))


def _behind(_now: datetime) -> list[int]:
    return waking.behind()


def _busy(now: datetime) -> list[int]:
    """List the projects with sessions that asked a model within the last minute."""
    since = now - timedelta(seconds=60)
    rows = Session.objects.live().filter(turns__steps__at__gt=since, paused_at=None)
    return sorted(set(rows.values_list("project_id", flat=True)))


def _guard(project_id: int) -> None:
    found = guards.tripped(project_id, clock.now())
    if not found:
        return
    with project_lock(project_id) as lock:
        actor = identify.of_hub(project_id).at(lock.now)
        for row, trip in found:
            guards.brake(actor, row, trip)


def _unattended(now: datetime) -> list[int]:
    return sorted({project for project, _ in supervising.unattended(now)})


def _supervise(project_id: int) -> None:
    now = clock.now()
    found = [pk for _, pk in supervising.unattended(now, project_id) if supervisor.is_due(pk, now)]
    if not found:
        return
    with project_lock(project_id) as lock:
        actor = identify.of_hub(project_id, "hub").at(lock.now)
        for objective in found:
            supervisor.supervise(actor, objective)


def _wake(project_id: int) -> None:
    """Wake as the doorbell does: news that a sweep was first to read ring nobody any more."""
    if waking.make_due(project_id):
        ring(settings.COALESCE_S)


# What a sweep looks after: its fault point, the projects it concerns, what is done for each.
DUTIES: tuple[tuple[str, Callable[[datetime], Iterable[int]], Callable[[int], object]], ...] = (
    ("sweep.staffed", _unstaffed, _staff),
    ("sweep.retired", _with_retired, _end_retired),
    ("sweep.composed", shifts.overdue, _compose_overdue),
    ("sweep.woken", _behind, _wake),
    ("sweep.guarded", _busy, _guard),
    ("sweep.supervised", _unattended, _supervise),
)


def wake(project_id: int) -> None:
    """Read what is new in a project's log, and ring for whoever has something to read or to do."""
    if project_id != HOUSE and waking.make_due(project_id):
        ring_pulls(project_id)
        ring_asides(project_id)
        ring(settings.COALESCE_S)


def ring_pulls(project_id: int | None = None) -> None:
    """Ring for each pull request that waits for a worker, in one project or everywhere."""
    rows = PullRequest.objects.claimable(clock.now())
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    for pk, target in rows.values_list("pk", "workspace__target__name"):
        fanout.send_job("agents.jobs.work_on_pull", pk, queue=f"sessions.{target}")


def ring_asides(project_id: int | None = None) -> None:
    """Ring for each question beside the turns, where the agent's conversation is kept."""
    rows = Aside.objects.claimable(clock.now()).order_by("pk")
    if project_id is not None:
        rows = rows.filter(session__project_id=project_id)
    for pk, target in rows.values_list("pk", "session__target__name"):
        fanout.send_job("agents.jobs.answer_aside", pk, queue=f"sessions.{target}")


def ring(within_s: float = 0) -> None:
    """Ring each target as often as it has sessions due by then and slots free, and at least once.

    The one ring of a full target waits in its queue; the turns that end there ring for more.
    """
    for target in Target.objects.exclude(state=TargetState.DISABLED):
        free = max(target.slots - leases.running(target.name), 1)
        queue, moment = f"sessions.{target.name}", {"after_s": within_s} if within_s else {}
        for _ in range(min(leases.waiting(target.name, within_s), free)):
            fanout.send_job("agents.jobs.run_turn", queue=queue, **moment)
