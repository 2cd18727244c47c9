"""Possession of a session for one turn: claimed with a rising epoch, renewed, let go."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from agents import brakes, workers
from agents.keeping import Keeper
from agents.models import Session, TurnState, Workspace
from hub import clock, identify
from hub.actions import ledger
from hub.actor import Actor
from hub.models import Member, Run


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
    now = clock.now()
    with transaction.atomic():
        row = (
            Session.objects.due_on(target, now)
            .select_for_update(of=("self", "run"), skip_locked=True)
            .select_related("run")
            .order_by(F("due_at").asc(nulls_first=True), "pk")
            .first()
        )
        if row is None:
            return None
        epoch = row.run.epoch + 1
        Run.objects.filter(pk=row.run_id).update(epoch=epoch, lease_until=now + _length())
        Session.objects.filter(pk=row.pk).update(due_at=None, worker=workers.me())
    return Lease(session_id=row.pk, member_id=row.member_id, run_id=row.run_id, epoch=epoch)


def _length() -> timedelta:
    return timedelta(seconds=settings.LEASE_S)


def release(lease: Lease, *, whole: bool) -> None:
    """Let go of a session; a turn that was cut off, or not `whole`, makes it due again.

    A lease that somebody else has taken over stays theirs. A session that was ended meanwhile
    lets go of its checkout, too.
    """
    mine = Session.objects.live().filter(pk=lease.session_id, run__epoch=lease.epoch)
    with transaction.atomic():
        cut_off = mine.filter(turns__state=TurnState.RUNNING) if whole else mine
        cut_off.filter(due_at=None).update(due_at=clock.now())
        Run.objects.filter(pk=lease.run_id, epoch=lease.epoch).update(lease_until=None)
        over = Workspace.objects.filter(writer_id=lease.run_id, writer__ended_at__isnull=False)
        over.filter(writer__epoch=lease.epoch).update(writer=None)


def waiting(target: str, within_s: float = 0) -> int:
    """Count the sessions that a target may take now, or by a moment that is near."""
    return Session.objects.due_on(target, clock.now() + timedelta(seconds=within_s)).count()


def running(target: str) -> int:
    """Count the sessions of a target that are in a turn now."""
    rows = Session.objects.live().filter(target__name=target)
    return rows.filter(run__lease_until__gt=clock.now()).count()


def keep(lease: Lease) -> Keeper:
    """Renew a lease while its turn runs; it is lost when the session was ended, too.

    An answer is given up while it comes when a budget that pays for it is spent.
    """
    rows = Run.objects.filter(pk=lease.run_id, epoch=lease.epoch, ended_at=None)

    def look(renew: bool) -> bool:  # noqa: FBT001 - the keeper calls it
        if renew:
            return bool(rows.update(lease_until=clock.now() + _length()))
        return rows.exists()

    def give_up() -> str:
        return ledger.must_stop(lease.run_id)

    return Keeper(f"run {lease.run_id}", settings.LEASE_S, look, brakes.at_once, give_up)
