"""The work of `manage.py runtransports`: the doors of the IRC gateway, networks, a sign of life."""

import asyncio
import logging
import os
import secrets
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import Error

from hub import clock, fanout
from hub.actions import events
from hub.models import HOUSE

from . import inbound, owning
from .asking import Desk
from .irc.gateway.server import Gateway
from .listening import Listener, listeners
from .owning import Owned

HEARTBEAT = "transports"  # name of the cursor that `/readyz` looks at
RETRY_S = 5.0
THREADS = 8
FORGET_EVERY_S = 3_600.0

logger = logging.getLogger(__name__)


async def run(stop: asyncio.Event, say: Callable[[str], None]) -> None:
    """Serve until `stop` is set; `say` is told each door that opens."""
    gateway, networks = Gateway(), Networks()
    work = [asyncio.create_task(_open(gateway, place, say)) for place in listeners()]
    work += [asyncio.create_task(networks.run()), asyncio.create_task(_beat(networks.desk))]
    await stop.wait()
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    await gateway.stop()
    await networks.stop()


class Networks:
    """All networks that this process owns."""

    def __init__(self) -> None:
        self.desk = Desk(THREADS, "networks")
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"[:80]
        self.owned: dict[int, Owned] = {}
        self._ended = threading.Event()

    async def run(self) -> None:
        """Claim what is free, let go what is lost, and ring lanes, until cancelled."""
        loop = asyncio.get_running_loop()

        def rang(ring: fanout.Ring) -> None:
            if not loop.is_closed() and (not ring.topic or ring.topic == inbound.CAME):
                loop.call_soon_threadsafe(self._ring)

        listener = threading.Thread(target=fanout.listen, args=(rang, self._ended), daemon=True)
        listener.start()
        forget_at = loop.time()
        while True:
            try:
                await self._claim()
                if loop.time() >= forget_at:
                    forget_at = loop.time() + FORGET_EVERY_S
                    await self.desk.ask(inbound.forget_old)
            except Error as error:
                logger.warning("networks are claimed later: %s", error)
            await asyncio.sleep(settings.NETWORK_LEASE_S / 4)

    async def _claim(self) -> None:
        held = dict(await self.desk.ask(owning.claim, self.owner))
        for network, owned in list(self.owned.items()):
            if held.get(network) != owned.epoch or owned.is_over:
                del self.owned[network]
                await owned.stop()
        for network, epoch in held.items():
            if network not in self.owned:
                self.owned[network] = Owned(network, epoch, self.desk)

    def _ring(self) -> None:
        for owned in self.owned.values():
            owned.ring()
            owned.sink.came.set()

    async def stop(self) -> None:
        """End all networks and free them for the next owner."""
        self._ended.set()
        for owned in self.owned.values():
            await owned.stop()
        try:
            await self.desk.ask(owning.let_go, self.owner)
        except Error as error:
            logger.warning("networks stay leased for a moment: %s", error)
        self.desk.close()


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


async def _beat(desk: Desk) -> None:
    while True:
        try:
            await desk.ask(beat)
        except Error as error:
            logger.warning("the heartbeat of transports is late: %s", error)
        await asyncio.sleep(settings.SWEEP_S)


def beat() -> None:
    """Note that the transports live."""
    events.advance_cursor(HOUSE, HEARTBEAT, int(clock.now().timestamp()))
