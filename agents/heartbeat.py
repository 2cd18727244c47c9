"""The sessions worker's sign of life: a thread of its own, since turns may take every slot."""

import logging
from datetime import datetime
from threading import Event as Flag
from threading import Thread

from celery import signals
from celery.apps.worker import Worker
from django.conf import settings
from django.db import Error, connection

from agents.models import Target
from hub import clock
from hub.actions import events
from hub.models import HOUSE

HEARTBEAT = "sessions"  # name of the cursor that `/readyz` looks at: a sessions worker lives

logger = logging.getLogger(__name__)
_ended = Flag()


def beat(now: datetime) -> None:
    """Note that this host's worker lives, and how many sessions it can run."""
    here = Target.objects.filter(name=settings.PARLEY_TARGET)
    here.update(seen_at=now, slots=settings.SESSION_SLOTS)
    events.advance_cursor(HOUSE, HEARTBEAT, int(now.timestamp()))


@signals.worker_ready.connect
def begin(sender: Worker, **_: object) -> None:
    """Begin to beat when a worker takes this host's sessions; others have no such sign."""
    if f"sessions.{settings.PARLEY_TARGET}" in sender.app.amqp.queues.consume_from:
        Thread(target=_go_on, name="heartbeat", daemon=True).start()


@signals.worker_shutting_down.connect
def end(**_: object) -> None:
    """Stop beating: a worker that ends takes no more turns."""
    _ended.set()


def _go_on() -> None:
    while not _ended.is_set():
        try:
            beat(clock.now())
        except Error as error:
            logger.warning("the heartbeat of sessions is late: %s", error)
        finally:
            connection.close()
        _ended.wait(settings.SWEEP_S)
