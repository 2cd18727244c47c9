"""Owning a network: its lease in the database, and what runs while it is held."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.models import F

from hub import clock
from hub.errors import HubError
from hub.text import clip, mask

from . import inbound, vault
from .asking import Desk
from .base import KINDS, Account, InEvent, State, Transport
from .lanes import Lane
from .models import Binding, Network, NetworkState
from .outbound import LostError

CANCEL_AGAIN_S = 0.5

logger = logging.getLogger(__name__)


def claim(owner: str) -> list[tuple[int, int]]:
    """Take, or keep, every network that nobody else holds; give (network, epoch) of each held."""
    now = clock.now()
    until = now + timedelta(seconds=settings.NETWORK_LEASE_S)
    Network.objects.free(owner, now).exclude(owner=owner).update(
        owner=owner, epoch=F("epoch") + 1, lease_until=until
    )
    mine = Network.objects.wanted().filter(owner=owner)
    mine.update(lease_until=until)
    return list(mine.order_by("pk").values_list("pk", "epoch"))


def let_go(owner: str) -> None:
    """Free all networks of an owner that ends; their state says so."""
    changes = {"state": NetworkState.STOPPED, "state_since": clock.now(), "state_why": ""}
    Network.objects.filter(owner=owner).update(owner="", lease_until=None, **changes)


def account_of(network: int) -> tuple[str, Account]:
    """Read what a network is connected with; gives its kind and account."""
    row = Network.objects.get(pk=network)
    rooms = Binding.objects.filter(network=row).order_by("pk").values_list("room", flat=True)
    return row.kind, Account(
        name=row.name,
        config=row.config,
        secrets=vault.unseal(row.secrets),
        rooms=tuple(rooms),
        cursor=row.cursor,
    )


def bindings_of(network: int) -> dict[int, str]:
    """Give the rooms of a network by binding."""
    return dict(Binding.objects.filter(network=network).values_list("pk", "room"))


def set_state(network: int, epoch: int, state: State, why: str) -> None:
    """Write how a network's connection is, and since when; a secret in the words is masked."""
    words = clip(mask(why), 300)
    rows = Network.objects.filter(pk=network, epoch=epoch)
    rows.exclude(state=state).update(state_since=clock.now())
    rows.update(state=state, state_why=words)


async def end(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until they are over: `wait_for` of Python 3.11 may swallow a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


class Sunk:
    """The sink of one network: stores what comes, then has it taken in, in order."""

    def __init__(self, network: int, epoch: int, desk: Desk) -> None:
        self._network, self._epoch, self._desk = network, epoch, desk
        self.came = asyncio.Event()

    async def take(self, events: Sequence[InEvent], cursor: str | None) -> None:
        """Store events with the cursor."""
        await self._desk.ask(inbound.store, self._network, self._epoch, events, cursor)
        self.came.set()

    async def gap(self, room: str, why: str) -> None:
        """Note a gap."""
        await self._desk.ask(inbound.note_gap, self._network, room, why)

    async def state(self, state: State, why: str = "") -> None:
        """Note the connection's state."""
        await self._desk.ask(set_state, self._network, self._epoch, state, why)

    async def keep_taking(self) -> None:
        """Take in what is stored, for ever: at the start what a crash left, then what comes."""
        while True:
            self.came.clear()
            try:
                await self._desk.ask(inbound.take_all, self._network)
            except (Error, HubError) as error:
                logger.warning("what came in is taken in later: %s", error)
            try:
                await asyncio.wait_for(self.came.wait(), settings.SWEEP_S)
            except TimeoutError:
                continue


class Owned:
    """One network while this process owns it."""

    def __init__(self, network: int, epoch: int, desk: Desk) -> None:
        self.network, self.epoch = network, epoch
        self._desk = desk
        self._lanes: dict[int, tuple[Lane, asyncio.Task[None]]] = {}
        self.sink = Sunk(network, epoch, desk)
        self._task = asyncio.create_task(self._run())

    @property
    def is_over(self) -> bool:
        """Tell whether it ended by itself, as after the loss of the lease."""
        return self._task.done()

    def ring(self) -> None:
        """Let all lanes look at the log."""
        for lane, _ in self._lanes.values():
            lane.rung.set()

    async def stop(self) -> None:
        """End all of it."""
        await end([self._task])

    async def _run(self) -> None:
        sink = self.sink
        try:
            kind, account = await self._desk.ask(account_of, self.network)
            transport = KINDS[kind](account)
        except (HubError, KeyError, ValueError, TypeError) as error:
            words = error.message if isinstance(error, HubError) else f"settings: {error}"
            await sink.state("refused", words)
            await asyncio.Event().wait()
            return
        work: list[Any] = [transport.run(sink), sink.keep_taking(), self._tend(transport)]
        tasks = [asyncio.create_task(one) for one in work]
        try:
            await asyncio.gather(*tasks)
        except LostError:
            logger.info("network %s has another owner", self.network)
        finally:
            ending = [*tasks, *(task for _, task in self._lanes.values())]
            await end(ending)

    async def _tend(self, transport: Transport) -> None:
        """Run a lane for each binding there is, and end those of bindings that are gone."""
        while True:
            rooms = await self._desk.ask(bindings_of, self.network)
            for gone in set(self._lanes) - set(rooms):
                self._lanes.pop(gone)[1].cancel()
            for binding in set(rooms) - set(self._lanes):
                await transport.join(rooms[binding])
                lane = Lane(binding, self.epoch, transport, self._desk.ask, poll_s=settings.SWEEP_S)
                self._lanes[binding] = lane, asyncio.create_task(lane.run())
            for _, task in self._lanes.values():
                if task.done() and not task.cancelled():
                    task.result()
            await asyncio.sleep(settings.SWEEP_S)
