"""Accounts that connect to the small server, and a sink that remembers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest_asyncio

from transports.base import Account, InEvent, OutOp, Result, Speaker, State
from transports.irc.client.adapter import Irc
from transports.irc.client.place import Timing

from .programs import Cable, Program
from .server import MODERN, Server

PATIENCE_S = 10.0
QUICK = Timing(
    enter_s=5.0,
    join_s=5.0,
    answer_s=3.0,
    regain_s=0.2,
    first_wait_s=0.05,
    longest_wait_s=0.2,
    rejoin_s=0.2,
    split_s=0.1,
)


class Kept:
    """A sink that remembers all it is told."""

    def __init__(self) -> None:
        self.events: list[InEvent] = []
        self.gaps: list[tuple[str, str]] = []
        self.states: list[tuple[State, str]] = []
        self.cursor: str | None = None
        self.refuses: Callable[[Sequence[InEvent]], bool] = lambda _: False

    async def take(self, events: Sequence[InEvent], cursor: str | None) -> None:
        if self.refuses(events):
            raise RuntimeError("not stored")
        self.events += events
        self.cursor = cursor or self.cursor

    async def gap(self, room: str, why: str) -> None:
        self.gaps.append((room, why))

    async def state(self, state: State, why: str = "") -> None:
        self.states.append((state, why))

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events if not event.op_id]


async def until(is_so: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(patience_s):
        while not is_so():  # noqa: ASYNC110 - many things are awaited, none of them is an event
            await asyncio.sleep(0.01)


class Running:
    """An account that runs, and what its sink was told."""

    def __init__(self, irc: Irc, kept: Kept) -> None:
        self.irc, self.kept = irc, kept
        self.task = asyncio.create_task(irc.run(kept))

    async def ready(self) -> "Running":
        async with asyncio.timeout(PATIENCE_S):
            await self.irc.ready()
        return self

    async def say(self, op: OutOp) -> list[Result]:
        return [await self.irc.send(op, part) for part in self.irc.render(op)]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


Start = Callable[..., Awaitable[Running]]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = await Server().start()
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def modern() -> AsyncIterator[Server]:
    """One with labels, echoes, ids, history and multiline."""
    made = await Server(MODERN).start()
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    """Start accounts: `await start(server, sasl="PLAIN", secrets={…}, cursor=…)`."""
    opened: list[Running] = []

    async def run(
        server: Server | Program | Cable,
        *,
        rooms: tuple[str, ...] = ("#project",),
        cursor: str | None = None,
        secrets: dict[str, str] | None = None,
        timing: Timing = QUICK,
        is_ready: bool = True,
        **config: object,
    ) -> Running:
        account = account_of(server.port, rooms, cursor, secrets, **config)
        opened.append(Running(Irc(account, timing), Kept()))
        return await opened[-1].ready() if is_ready else opened[-1]

    yield run
    for one in opened:
        await one.stop()


def account_of(
    port: int,
    rooms: tuple[str, ...] = ("#project",),
    cursor: str | None = None,
    secrets: dict[str, str] | None = None,
    **config: object,
) -> Account:
    plain = {"host": "127.0.0.1", "port": port, "tls": False, "rate_per_s": 500, "burst": 500}
    return Account(
        name="libera", config=plain | config, secrets=secrets or {}, rooms=rooms, cursor=cursor
    )


def op(text: str = "Hello", *, name: str = "Mina", **more: object) -> OutOp:
    """Make an op; what matters is given by name."""
    values: dict[str, object] = {
        "id": uuid4(),
        "kind": "post",
        "room": "#project",
        "speaker": Speaker(name=name, is_bot=True),
        "text": text,
        "url": "https://parley.test/m/1",
        "said_at": datetime.now(UTC),
    }
    return OutOp(**(values | more))  # type: ignore[arg-type]
