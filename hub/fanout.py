"""The doorbell: "project 7 reached seq 9182", nothing more. The only place that sends Celery jobs.

A writing transaction rings by itself (hub.models.projects); this module listens, rings for what
has no event (a transcript), and sends jobs by name. A lost ring costs at most one sweep.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Flag

from celery import current_app
from kombu.exceptions import OperationalError

from hub import bell

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ring:
    """A project reached `seq`; or, with a `topic`, something that has no event moved."""

    project_id: int
    seq: int
    topic: str = ""


def wake(project_id: int, seq: int = 0, topic: str = "") -> None:
    """Ring for something that the log does not hold, such as new transcript rows ("session:3")."""
    bell.ring(f"{project_id}:{seq}:{topic}")


def parse(text: str) -> Ring:
    """Read a ring's text."""
    project_id, seq, *topic = text.split(":", 2)
    return Ring(int(project_id), int(seq), topic[0] if topic else "")


def listen(on_ring: Callable[[Ring], None], stop: Flag) -> None:
    """Call `on_ring` for every ring until `stop` is set; runs in a thread of its own.

    Holds one dedicated connection; rings while it is broken are lost.
    """
    for text in bell.heard(stop):
        on_ring(parse(text))


def send_job(name: str, *args: int | str, queue: str = "jobs", after_s: float = 0) -> None:
    """Ring a Celery worker, now or in a moment: a hint to look at the rows. May be lost."""
    try:
        current_app.send_task(
            name,
            args=args,
            queue=queue,
            ignore_result=True,
            retry=False,
            countdown=after_s or None,
        )
    except (OSError, OperationalError) as error:
        logger.warning("the broker did not take %s: %s", name, error)
