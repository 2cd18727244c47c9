"""The doorbell's process: hears rings, answers each project once, and shows that it hears."""

import signal
import threading
import time

import pytest
from django.db import OperationalError

from agents import jobs
from hub import fanout
from hub.actions import events
from hub.errors import Unavailable
from hub.fanout import Ring
from hub.management.commands import runbell
from hub.management.processes import Ending
from hub.models import HOUSE

PATIENCE_S = 10


@pytest.fixture
def woken(monkeypatch):
    """What would be woken, instead of waking it."""
    found: list[int] = []
    monkeypatch.setattr(jobs, "wake", found.append)
    return found


@pytest.fixture
def bell(db, woken):
    """The doorbell at work in a thread."""
    ending = Ending()
    thread = threading.Thread(target=runbell.answer, args=(ending,))
    thread.start()
    wait_until(lambda: events.cursor_of(HOUSE, "bell"))
    yield woken
    ending.asked = 1
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def wait_until(fact):
    deadline = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_many_rings_of_a_project_are_answered_once():
    porch = runbell.Porch()

    for seq in range(100):
        porch.take(Ring(7, seq))
    porch.take(Ring(8, 1))

    assert porch.empty() == ({7, 8}, False)
    assert porch.empty() == (set(), False)


def test_a_ring_about_a_transcript_wakes_nobody():
    porch = runbell.Porch()

    porch.take(Ring(7, 0, "session:3"))

    assert porch.empty() == (set(), False)
    assert not porch.rung.is_set()


def test_its_own_ring_is_the_heartbeat():
    porch = runbell.Porch()

    porch.take(Ring(HOUSE, 0, runbell.HEARTBEAT))

    assert porch.empty() == (set(), True)


def test_a_ring_wakes_its_project(bell):
    fanout.wake(41, 3)

    wait_until(lambda: bell == [41])


@pytest.mark.parametrize("error", [Unavailable("busy"), OperationalError("gone")])
def test_a_busy_database_is_left_to_the_sweep(bell, monkeypatch, error):
    def refuse(project_id: int) -> None:
        bell.append(project_id)
        raise error

    monkeypatch.setattr(jobs, "wake", refuse)
    fanout.wake(42, 1)
    wait_until(lambda: bell == [42])

    fanout.wake(43, 1)

    wait_until(lambda: bell == [42, 43])


def test_a_signal_is_only_counted():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before[signal.SIGHUP] = signal.getsignal(signal.SIGHUP)
    ending = Ending()
    try:
        ending.listen()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert ending.asked == 2
