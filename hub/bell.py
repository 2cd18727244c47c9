"""The doorbell's wire: Postgres NOTIFY, or Redis where there is one. Carries a few characters.

A ring leaves with the transaction that rings: NOTIFY is part of it, Redis is told after the commit.
Rings may be lost; the sweeps make that good.
"""

import functools
import logging
from collections.abc import Iterator
from threading import Event as Flag

import psycopg
import redis
from django.conf import settings
from django.db import connection, transaction

CHANNEL = "parley"
NOTIFY_SQL = "SELECT pg_notify(%s, %s)"
WAIT_S = 1.0
RECONNECT_S = 2.0
TIMEOUT_S = 2.0

logger = logging.getLogger(__name__)


@functools.cache
def _redis(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT_S + WAIT_S, socket_connect_timeout=TIMEOUT_S
    )


def ring(text: str) -> None:
    """Ring with the present transaction, or at once outside of one."""
    if settings.REDIS_URL:
        transaction.on_commit(functools.partial(_publish, text), robust=True)
        return
    with connection.cursor() as cursor:
        cursor.execute(NOTIFY_SQL, [CHANNEL, text])


def ringing(text: str) -> tuple[str, list[str]]:
    """Give a statement that is to end the present transaction; with it the bell rings."""
    if settings.REDIS_URL:
        ring(text)
        return "SELECT 1", []
    return NOTIFY_SQL, [CHANNEL, text]


def _publish(text: str) -> None:
    try:
        _redis(settings.REDIS_URL).publish(CHANNEL, text)
    except redis.RedisError as error:
        logger.warning("the doorbell did not ring: %s", error)


def heard(stop: Flag) -> Iterator[str]:
    """Give every ring's text until `stop` is set; opens the connection again when it breaks."""
    while not stop.is_set():
        try:
            yield from _from_redis(stop) if settings.REDIS_URL else _from_postgres(stop)
        except (psycopg.OperationalError, redis.RedisError) as error:
            logger.warning("the doorbell lost its connection: %s", error)
            stop.wait(RECONNECT_S)


def _from_postgres(stop: Flag) -> Iterator[str]:
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold", "pool"):
        parameters.pop(ours, None)
    with psycopg.connect(**parameters, autocommit=True) as dedicated:
        dedicated.execute(f"LISTEN {CHANNEL}")
        while not stop.is_set():
            for notice in dedicated.notifies(timeout=WAIT_S):
                yield notice.payload


def _from_redis(stop: Flag) -> Iterator[str]:
    listener = _redis(settings.REDIS_URL).pubsub  # redis has no types for it
    with listener(ignore_subscribe_messages=True) as heard_here:  # type: ignore[no-untyped-call]
        heard_here.subscribe(CHANNEL)
        while not stop.is_set():
            message = heard_here.get_message(timeout=WAIT_S)
            if message is not None:
                yield message["data"].decode()
