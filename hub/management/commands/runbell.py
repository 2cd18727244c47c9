"""`manage.py runbell`: hears the doorbell and wakes the sessions that have something to read."""

import gc
import logging
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError

from agents import jobs
from hub import bell, clock, fanout
from hub.actions import events
from hub.errors import Unavailable
from hub.management.processes import Ending
from hub.models import HOUSE

COALESCE_S = 0.05
FIRST_TEST_S = 0.5  # the first rings come before the other thread listens
HEARTBEAT = "bell"  # name of the cursor that `/readyz` looks at, and topic of our own rings

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """The doorbell's process; `manage.py up` runs one."""

    help = "Listen to the doorbell and wake sessions at once; without it the sweeps do, later."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        ending = Ending()
        ending.listen()
        gc.freeze()  # as in hub.celery: end quickly
        answer(ending)


class Porch:
    """Where rings wait until they are answered; many rings of a project are one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[int] = set()
        self._heard_ourselves = False
        self.rung = threading.Event()

    def take(self, ring: fanout.Ring) -> None:
        """Note a ring; transcript rows and the like (a topic) concern no session."""
        with self._lock:
            if not ring.topic:
                self._waiting.add(ring.project_id)
            elif ring.topic == HEARTBEAT:
                self._heard_ourselves = True
            else:
                return
        self.rung.set()

    def empty(self) -> tuple[set[int], bool]:
        """Give the projects that rang, and whether our own ring came back."""
        with self._lock:
            self.rung.clear()
            found, self._waiting = self._waiting, set()
            heard, self._heard_ourselves = self._heard_ourselves, False
        return found, heard


def answer(ending: Ending) -> None:
    """Wake each project that rings, at most once in 50 ms, until the end is asked for."""
    porch, stop = Porch(), threading.Event()
    listener = threading.Thread(target=fanout.listen, args=(porch.take, stop), daemon=True)
    listener.start()
    test_at, known_to_hear = 0.0, False
    while not ending.asked:
        if not listener.is_alive():
            raise CommandError("The thread that listens has ended.")
        if time.monotonic() >= test_at:
            _try(fanout.wake, HOUSE, 0, HEARTBEAT)
            test_at = time.monotonic() + (settings.SWEEP_S if known_to_hear else FIRST_TEST_S)
        if porch.rung.wait(min(settings.SWEEP_S, FIRST_TEST_S)):
            time.sleep(COALESCE_S)
            known_to_hear |= _answer_once(porch)
    stop.set()
    listener.join(bell.WAIT_S * 2)


def _answer_once(porch: Porch) -> bool:
    """Wake the projects that rang; tells whether our own ring was among the rings."""
    projects, heard = porch.empty()
    for project_id in sorted(projects):
        _try(jobs.wake, project_id)
    if heard:
        _try(_note_heartbeat)
    return heard


def _note_heartbeat() -> None:
    events.advance_cursor(HOUSE, HEARTBEAT, int(clock.now().timestamp()))


def _try(work: Any, *args: object) -> None:
    """Do it, or leave it to the next sweep when the database is busy or away."""
    try:
        work(*args)
    except (Unavailable, OperationalError, InterfaceError) as error:
        logger.warning("left for the next sweep: %s", error)
