"""The work of `manage.py runtransports`: the doors of the IRC gateway, and a sign of life."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import Error

from hub import clock
from hub.actions import events
from hub.models import HOUSE

from .irc.gateway.server import Gateway
from .listening import Listener, listeners

HEARTBEAT = "transports"  # name of the cursor that `/readyz` looks at
RETRY_S = 5.0

logger = logging.getLogger(__name__)


async def run(stop: asyncio.Event, say: Callable[[str], None]) -> None:
    """Serve until `stop` is set; `say` is told each door that opens."""
    gateway = Gateway()
    work = [asyncio.create_task(_open(gateway, place, say)) for place in listeners()]
    work.append(asyncio.create_task(_beat(gateway)))
    await stop.wait()
    for task in work:
        task.cancel()
    await gateway.stop()


async def _open(gateway: Gateway, place: Listener, say: Callable[[str], None]) -> None:
    """Open one door, as soon as nobody else holds its port."""
    kind = "IRC over TLS" if place.is_tls else "IRC"
    is_first = True
    while True:
        try:
            port = await gateway.start(place.host, place.port, _tls() if place.is_tls else None)
        except OSError as error:
            if is_first:
                logger.warning("%s at %s waits for its port: %s", kind, place, error)
            is_first = False
            await asyncio.sleep(RETRY_S)
            continue
        say(f"{kind} at {place.host}:{port}")
        return


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(Path(settings.IRC_CERTIFICATE), Path(settings.IRC_KEY))
    return context


async def _beat(gateway: Gateway) -> None:
    while True:
        try:
            await gateway.ask(beat)
        except Error as error:
            logger.warning("the heartbeat of transports is late: %s", error)
        await asyncio.sleep(settings.SWEEP_S)


def beat() -> None:
    """Note that the transports live."""
    events.advance_cursor(HOUSE, HEARTBEAT, int(clock.now().timestamp()))
