"""Leases: what may be taken, what an interrupted turn leaves, and a holder that stops by itself."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError

from agents import keeping, leases, toolbox, turns
from agents.models import Session, Target, TargetState
from hub import clock, identify, registry
from hub.errors import Unavailable
from hub.models import Member, Message, Project, Run

from .played import say
from .stage import Set


class Crash(BaseException):
    """What kills a worker: not an Exception, so nothing handles it."""


def crash(*_args: object, **_options: object) -> None:
    raise Crash


def test_a_killed_turn_is_due_again_by_itself(stage: Set, played, monkeypatch) -> None:
    played(("I do it.", [say("once")]))
    stage.start("em")
    real = toolbox.run
    monkeypatch.setattr(toolbox, "run", crash)
    with pytest.raises(Crash):
        turns.run_next("local")
    monkeypatch.setattr(toolbox, "run", real)

    ran = stage.run_all()

    assert ran == 1
    assert Message.objects.filter(text="once").count() == 1


@pytest.mark.parametrize("whole", ["project", "house"])
def test_a_turn_that_a_pause_of_everything_cut_off_goes_on_when_it_is_lifted(
    stage: Set, played, monkeypatch, whole: str
) -> None:
    played(("one", [say("first")]), ("two", [say("second")]))
    stage.start("em")
    actor = stage.person
    if whole == "house":
        actor = identify.of_house(Member.objects.get(pk=stage.person.member_id).user, "cli")
    real = toolbox.run

    def then_pause(*args):
        outcome = real(*args)
        registry.call(actor, "project.pause", {})
        return outcome

    monkeypatch.setattr(toolbox, "run", then_pause)
    stage.run_all()
    monkeypatch.setattr(toolbox, "run", real)
    before = list(Message.objects.values_list("text", flat=True))

    registry.call(actor, "project.resume", {})
    stage.run_all()

    assert before == ["first"]
    assert list(Message.objects.order_by("seq").values_list("text", flat=True))[1:] == ["second"]


@pytest.mark.parametrize(
    ("state", "target", "taken"),
    [
        ("queued", TargetState.ONLINE, 1),
        ("queued", TargetState.DRAINING, 0),
        ("running", TargetState.DRAINING, 1),
        ("running", TargetState.DISABLED, 0),
    ],
)
def test_a_target_takes_what_its_state_allows_and_counts_no_more(
    stage: Set, state: str, target: str, taken: int
) -> None:
    stage.start("em")
    Session.objects.update(state=state)
    Target.objects.update(state=target)

    counted = leases.waiting("local")
    lease = leases.claim("local")

    assert (counted, lease is not None) == (taken, bool(taken))


def test_an_archived_project_takes_no_turn(stage: Set) -> None:
    stage.start("em")
    Project.objects.filter(pk=stage.stage.project.pk).update(archived_at=clock.now())

    assert leases.waiting("local") == 0
    assert stage.run_all() == 0


def test_everything_paused_waits_for_nobody(stage: Set) -> None:
    stage.start("em")
    house = identify.of_house(Member.objects.get(pk=stage.person.member_id).user, "cli")

    registry.call(house, "project.pause", {})

    assert leases.waiting("local") == 0


def test_a_lease_is_renewed_while_its_holder_lives(stage: Set, settings) -> None:
    settings.LEASE_S = 0.3
    row = stage.start("em")
    lease = stage.lease()
    first = Run.objects.get(pk=row.run_id).lease_until

    with leases.keep(lease) as keeper:
        until(lambda: Run.objects.get(pk=row.run_id).lease_until > first)

    assert not keeper.lost.is_set()
    assert Run.objects.get(pk=row.run_id).lease_until > first + timedelta(seconds=0.09)


def test_a_holder_learns_that_its_lease_went_to_somebody_else(stage: Set, settings) -> None:
    settings.LEASE_S = 0.3
    row = stage.start("em")

    with leases.keep(stage.lease()) as keeper:
        Run.objects.filter(pk=row.run_id).update(epoch=7)
        lost = keeper.lost.wait(5)

    assert lost
    assert Run.objects.get(pk=row.run_id).epoch == 7


def test_a_holder_learns_soon_that_its_session_was_canceled(stage: Set) -> None:
    row = stage.start("em")

    with leases.keep(stage.lease()) as keeper:
        stage.act("session.cancel", session=row.number)
        lost = keeper.lost.wait(keeping.LOOK_S + 3)

    assert lost


def test_a_holder_outlives_a_moment_without_a_database(stage: Set, settings, monkeypatch) -> None:
    settings.LEASE_S = 3
    stage.start("em")
    lease, real, asked = stage.lease(), clock.now, threading.Event()

    def away_once():
        if asked.is_set():
            return real()
        asked.set()
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(leases.clock, "now", away_once)
    with leases.keep(lease) as keeper:
        first = Run.objects.get(pk=lease.run_id).lease_until
        until(lambda: Run.objects.get(pk=lease.run_id).lease_until > first)

    assert asked.is_set()
    assert not keeper.lost.is_set()


def test_a_holder_that_cannot_renew_stops_before_its_lease_is_over(
    stage: Set, settings, monkeypatch
) -> None:
    settings.LEASE_S = 0.9
    stage.start("em")
    lease = stage.lease()
    until_s = Run.objects.get(pk=lease.run_id).lease_until
    keeper = leases.keep(lease)
    monkeypatch.setattr(keeper, "_look", no_database)

    with keeper:
        lost = keeper.lost.wait(5)
        now = clock.now()

    assert lost
    assert now < until_s


def no_database(*_args: object, **_options: object) -> None:
    raise OperationalError("there is no database")


def until(fact) -> None:
    for _ in range(500):
        if fact():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not happen")


def test_a_turn_that_could_not_begin_is_due_again(stage: Set, played, monkeypatch) -> None:
    """Busy or frozen right after the claim: the wake that the claim took must not be lost."""
    played(("I do it.", [say("once")]))
    stage.start("em")
    real = registry.call

    def busy(*_args: object, **_options: object) -> None:
        raise Unavailable("The project is busy.", code="project.busy")

    monkeypatch.setattr(registry, "call", busy)
    assert turns.run_next("local")
    monkeypatch.setattr(registry, "call", real)

    assert stage.run_all() == 1
    assert Message.objects.filter(text="once").count() == 1


def test_a_session_is_not_taken_over_in_the_middle_of_a_write(stage: Set, monkeypatch) -> None:
    """A worker frozen in its transaction: the epoch must not rise between its check and its end."""
    stage.start("em")
    lease = stage.lease()
    checked, go_on = threading.Event(), threading.Event()
    real = registry.check_fence

    def slowly(actor) -> None:
        real(actor)
        checked.set()
        assert go_on.wait(10)

    monkeypatch.setattr(registry, "check_fence", slowly)
    writer = threading.Thread(target=registry.call, args=(lease.actor(), "turn.begin", {}))
    writer.start()
    assert checked.wait(10)
    Run.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    Session.objects.update(due_at=clock.now())

    meanwhile = leases.claim("local")
    go_on.set()
    writer.join(10)

    assert meanwhile is None
    assert stage.lease().epoch == lease.epoch + 1
