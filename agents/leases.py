"""Possession of a session for one turn: claimed with a rising epoch, renewed, let go."""

import logging
import threading
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from agents.models import Session, TargetState
from hub import clock, identify
from hub.actor import Actor
from hub.models import HOUSE, Member, Project, Run

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One turn's hold of a session, with the epoch that fences all it writes."""

    session_id: int
    member_id: int
    run_id: int
    epoch: int

    def actor(self) -> Actor:
        """Make the agent's Actor for this turn: its role's rights and that to report the turn."""
        member = Member.objects.get(pk=self.member_id)
        base = identify.of_member(member, "session")
        return Actor(
            member_id=base.member_id,
            project_id=base.project_id,
            entry="session",
            capabilities=base.capabilities | {"run"},
            run_id=self.run_id,
            epoch=self.epoch,
        )


def claim(target: str) -> Lease | None:
    """Take the next due session of a target, or nothing; others that claim now skip it."""
    if Project.objects.filter(pk=HOUSE, paused_at__isnull=False).exists():
        return None
    now = clock.now()
    with transaction.atomic():
        row = (
            Session.objects.due(now)
            .filter(target__name=target)
            .exclude(target__state=TargetState.DISABLED)
            .select_for_update(of=("self", "run"), skip_locked=True)
            .select_related("run")
            .order_by(F("due_at").asc(nulls_first=True), "pk")
            .first()
        )
        if row is None:
            return None
        epoch = row.run.epoch + 1
        Run.objects.filter(pk=row.run_id).update(epoch=epoch, lease_until=now + _length())
        Session.objects.filter(pk=row.pk).update(due_at=None)
    return Lease(session_id=row.pk, member_id=row.member_id, run_id=row.run_id, epoch=epoch)


def _length() -> timedelta:
    return timedelta(seconds=settings.LEASE_S)


def release(lease: Lease) -> None:
    """Let go of a session; a lease that somebody else has taken over stays theirs."""
    Run.objects.filter(pk=lease.run_id, epoch=lease.epoch).update(lease_until=None)


def waiting(target: str) -> int:
    """Count the sessions of a target that are due now."""
    return Session.objects.due(clock.now()).filter(target__name=target).count()


class Renewal:
    """Renews a lease every third of its length while a turn runs; `lost` says that it is over."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.lost = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"renew-{lease.run_id}", daemon=True)

    def __enter__(self) -> "Renewal":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(settings.LEASE_S / 3):
                until = clock.now() + _length()
                mine = Run.objects.filter(pk=self.lease.run_id, epoch=self.lease.epoch)
                if not mine.filter(ended_at=None).update(lease_until=until):
                    logger.warning("run %s lost its lease", self.lease.run_id)
                    self.lost.set()
                    return
                connection.close()
        finally:
            connection.close()
