"""The doorbell: "project 7 reached seq 9182", nothing more. The only place that sends Celery jobs.

A writing transaction rings by itself (hub.models.projects); this module listens, rings for what
has no event (a transcript), and sends jobs by name. A lost ring costs at most one sweep.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event as Flag

import psycopg
from django.db import connection
from django.db.backends.postgresql.psycopg_any import is_psycopg3

CHANNEL = "parley"
WAIT_S = 1.0
RECONNECT_S = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ring:
    """A project reached `seq`; or, with a `topic`, something that has no event moved."""

    project_id: int
    seq: int
    topic: str = ""


def wake(project_id: int, seq: int = 0, topic: str = "") -> None:
    """Ring for something that the log does not hold, such as new transcript rows ("session:3")."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{project_id}:{seq}:{topic}"])


def parse(payload: str) -> Ring:
    """Read a ring's text."""
    project_id, seq, *topic = payload.split(":", 2)
    return Ring(int(project_id), int(seq), topic[0] if topic else "")


def listen(on_ring: Callable[[Ring], None], stop: Flag) -> None:
    """Call `on_ring` for every ring until `stop` is set; runs in a thread of its own.

    Holds one dedicated connection and opens it again when it breaks; rings in between are lost,
    which the sweeps make good.
    """
    while not stop.is_set():
        try:
            for ring in _rings(stop):
                on_ring(ring)
        except psycopg.OperationalError as error:
            logger.warning("the doorbell lost its connection: %s", error)
            stop.wait(RECONNECT_S)


def _rings(stop: Flag) -> Iterator[Ring]:
    assert is_psycopg3
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold", "pool"):
        parameters.pop(ours, None)
    with psycopg.connect(**parameters, autocommit=True) as dedicated:
        dedicated.execute(f"LISTEN {CHANNEL}")
        while not stop.is_set():
            for notice in dedicated.notifies(timeout=WAIT_S):
                yield parse(notice.payload)


def send_job(name: str, *args: int | str, queue: str = "jobs") -> None:
    """Ring a Celery worker: a hint to look at the rows, which are the truth. May be lost."""
    from celery import current_app

    try:
        current_app.send_task(name, args=args, queue=queue, ignore_result=True)
    except (OSError, ConnectionError) as error:
        logger.warning("the broker did not take %s: %s", name, error)
