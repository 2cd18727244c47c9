"""Celery's jobs for agents: hints to look at rows. Delivered twice or never, nothing changes."""

import logging

from celery import shared_task
from django.conf import settings
from django.db.models import Q

from agents import leases, merging, turns
from agents.actions import sessions
from agents.models import PullRequest, PullState, Session, Target
from agents.policy.attention import Sleeper, wakes
from hub import clock, fanout, identify
from hub.actions import channels, events, inbox
from hub.actor import Actor
from hub.errors import HubError, Unavailable
from hub.models import HOUSE, ChannelKind, Event, Member, MemberKind, Project
from hub.models.projects import project_lock

READER = "agents"
MAX_EVENTS = 500
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
    Target.objects.filter(name=settings.PARLEY_TARGET).update(seen_at=now)
    live = Project.objects.exclude(pk=HOUSE).filter(archived_at=None)
    for project in live:
        try:
            _staff(project)
            wake(project.pk)
        except Unavailable as error:
            logger.warning("left for the next sweep: %s", error)
    ring()


def _staff(project: Project) -> None:
    if not project.repository or Session.objects.live().filter(project=project, role="em").exists():
        return
    with project_lock(project.pk) as lock:
        try:
            sessions.ensure_em(identify.of_hub(project.pk).at(lock.now), project)
        except HubError as error:
            logger.warning("project %s has no engineering manager: %s", project.slug, error)


def wake(project_id: int) -> None:
    """Read the log from the agents' cursor and make due whoever has something to read."""
    if project_id == HOUSE:
        return
    after = events.cursor_of(project_id, READER)
    rows = list(
        Event.objects.filter(project_id=project_id, seq__gt=after)
        .select_related("actor", "channel")
        .order_by("seq")[:MAX_EVENTS]
    )
    if rows:
        _wake_for(project_id, rows)
        events.advance_cursor(project_id, READER, rows[-1].seq)
    _ring_pulls(project_id)
    ring()


def _wake_for(project_id: int, rows: list[Event]) -> None:
    hub = identify.of_hub(project_id)
    people = {row.actor_id for row in rows if row.actor.kind == MemberKind.PERSON}
    items = inbox.news(rows, hub)
    due = [
        session.pk
        for session, sleeper in _sleepers(hub)
        if any(wakes(sleeper, item, by_person=item.actor_id in people) for item in items)
    ]
    now = clock.now()
    late = Session.objects.live().filter(pk__in=due).filter(Q(due_at=None) | Q(due_at__gt=now))
    late.update(due_at=now)


def _sleepers(hub: Actor) -> list[tuple[Session, Sleeper]]:
    project_channel = channels.of_kind(hub, ChannelKind.PROJECT).pk
    rows = Session.objects.live().filter(project_id=hub.project_id).select_related("member", "task")
    return [
        (
            row,
            Sleeper(
                role=row.role,
                reader=inbox.profile(_as_member(row.member)),
                project_channel=project_channel,
            ),
        )
        for row in rows
    ]


def _as_member(member: Member) -> Actor:
    return identify.of_member(member, "job")


def _ring_pulls(project_id: int) -> None:
    rows = PullRequest.objects.filter(
        project_id=project_id, state__in=[PullState.PREPARING, PullState.MERGING]
    ).filter(Q(claimed_until=None) | Q(claimed_until__lte=clock.now()))
    for pk, target in rows.values_list("pk", "workspace__target__name"):
        fanout.send_job("agents.jobs.work_on_pull", pk, queue=f"sessions.{target}")


def ring() -> None:
    """Ring each target min(due, slots) times."""
    for target in Target.objects.all():
        for _ in range(min(leases.waiting(target.name), target.slots)):
            fanout.send_job("agents.jobs.run_turn", queue=f"sessions.{target.name}")
