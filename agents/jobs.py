"""Celery's jobs for agents: hints to look at rows. Delivered twice or never, nothing changes."""

import logging
from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db.models import Exists, OuterRef

from agents import brakes, children, leases, merging, supervising, turns, waking
from agents.actions import endings, guards, sessions, supervisor
from agents.models import PullRequest, Session, Target, TargetState
from hub import clock, fanout, identify
from hub.errors import Unavailable
from hub.models import HOUSE, Project
from hub.models.projects import project_lock

TASK_LEASE_S = 900

logger = logging.getLogger(__name__)


def queue() -> str:
    """Name this host's queue of turns and git work."""
    return f"sessions.{settings.PARLEY_TARGET}"


@shared_task(name="agents.jobs.run_turn")
def run_turn() -> None:
    """Run one turn of whatever session is due here, and ring again if more is."""
    if turns.run_next(settings.PARLEY_TARGET) and leases.waiting(settings.PARLEY_TARGET):
        fanout.send_job("agents.jobs.run_turn", queue=queue())


@shared_task(name="agents.jobs.work_on_pull")
def work_on_pull(pk: int) -> None:
    """Prepare or merge one pull request."""
    merging.work_on(pk)


@shared_task(name="agents.jobs.sweep", time_limit=90)
def sweep() -> None:
    """Heartbeat: staff projects, hold the claims of live sessions, wake and ring what is due."""
    now = clock.now()
    sessions.hold_tasks(now, TASK_LEASE_S)
    here = Target.objects.filter(name=settings.PARLEY_TARGET)
    here.update(seen_at=now, slots=settings.SESSION_SLOTS)
    if brakes.house_is_stopped():  # what a dead worker left running
        children.end(children.of_target(settings.PARLEY_TARGET))
    for project_id in _unstaffed():
        _try(_staff, project_id)
    for project_id in _with_retired():
        _try(_end_retired, project_id)
    for project_id in waking.behind():
        _try(waking.make_due, project_id)
    for project_id in _busy():
        _try(_guard, project_id)
    for project_id in sorted({project for project, _ in supervising.unattended(now)}):
        _try(_supervise, project_id)
    ring_pulls()
    ring()


def _try(work: Callable[[int], object], project_id: int) -> None:
    try:
        work(project_id)
    except Unavailable as error:
        logger.warning("left for the next sweep: %s", error)
    except Exception:  # one project that cannot be handled must not keep the others waiting
        logger.exception("%s of project %d failed", work.__name__, project_id)


def _unstaffed() -> list[int]:
    live = Session.objects.live().filter(project_id=OuterRef("pk"), role="em")
    rows = Project.objects.exclude(pk=HOUSE).exclude(repository="").filter(archived_at=None)
    return list(rows.filter(~Exists(live)).values_list("pk", flat=True).order_by("pk"))


def _staff(project_id: int) -> None:
    with project_lock(project_id) as lock:
        project = Project.objects.get(pk=project_id)
        sessions.ensure_em(identify.of_hub(project_id).at(lock.now), project)


def _with_retired() -> list[int]:
    rows = Session.objects.live().exclude(member__retired_at=None)
    return sorted(set(rows.values_list("project_id", flat=True)))


def _end_retired(project_id: int) -> None:
    with project_lock(project_id) as lock:
        endings.end_retired(identify.of_hub(project_id).at(lock.now))


def _busy() -> list[int]:
    """List the projects with sessions that asked a model within the last minute."""
    since = clock.now() - timedelta(seconds=60)
    rows = Session.objects.live().filter(turns__steps__at__gt=since, paused_at=None)
    return sorted(set(rows.values_list("project_id", flat=True)))


def _guard(project_id: int) -> None:
    with project_lock(project_id) as lock:
        guards.sweep(project_id, identify.of_hub(project_id).at(lock.now))


def _supervise(project_id: int) -> None:
    with project_lock(project_id) as lock:
        actor = identify.of_hub(project_id, "hub").at(lock.now)
        for project, objective in supervising.unattended(lock.now):
            if project == project_id:
                supervisor.supervise(actor, objective)


def wake(project_id: int) -> None:
    """Read what is new in a project's log, and ring for whoever has something to read or to do."""
    if project_id != HOUSE and waking.make_due(project_id):
        ring_pulls(project_id)
        ring(settings.COALESCE_S)


def ring_pulls(project_id: int | None = None) -> None:
    """Ring for each pull request that waits for a worker, in one project or everywhere."""
    rows = PullRequest.objects.claimable(clock.now())
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    for pk, target in rows.values_list("pk", "workspace__target__name"):
        fanout.send_job("agents.jobs.work_on_pull", pk, queue=f"sessions.{target}")


def ring(within_s: float = 0) -> None:
    """Ring each target as often as it has sessions due by then and slots free, and at least once.

    The one ring of a full target waits in its queue; the turns that end there ring for more.
    """
    for target in Target.objects.exclude(state=TargetState.DISABLED):
        free = max(target.slots - leases.running(target.name), 1)
        queue, moment = f"sessions.{target.name}", {"after_s": within_s} if within_s else {}
        for _ in range(min(leases.waiting(target.name, within_s), free)):
            fanout.send_job("agents.jobs.run_turn", queue=queue, **moment)
