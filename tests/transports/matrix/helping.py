"""What the tests of Matrix share: ops, accounts, and a sink that keeps what it is given."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from transports.base import Account, InEvent, Kind, OutOp, Part, Quoted, Result, Speaker, State
from transports.matrix.names import Names
from transports.matrix.transport import Matrix

AS_TOKEN, HS_TOKEN, BOT_TOKEN = "as-secret-1", "hs-secret-2", "bot-secret-3"
NAMES = Names(server_name="localhost", user="@parley:localhost", prefix="parley_")
PATIENCE_S = 10.0


def op(
    text: str = "hello", *, kind: Kind = "post", room: str = "!r:localhost", **others: Any
) -> OutOp:
    """Make an op of ada's, said now."""
    facts: dict[str, Any] = {
        "id": uuid4(),
        "speaker": Speaker(name="Ada", is_bot=True),
        "url": "http://127.0.0.1/m/1",
        "said_at": datetime.now(UTC),
    }
    return OutOp(kind=kind, room=room, text=text, **(facts | others))


def quoted(*ids: str, author: str = "bob", text: str = "what was said") -> Quoted:
    return Quoted(remote_ids=ids, author=author, text=text)


def account(homeserver: str = "http://127.0.0.1:1", **others: Any) -> Account:
    """Make an application service's account, or with `mode="bot"` a bot's."""
    mode, cursor = others.pop("mode", "appservice"), others.pop("cursor", None)
    rooms = others.pop("rooms", ("!r:localhost",))
    config = {"homeserver": homeserver, "server_name": "localhost", "mode": mode} | others
    secrets = (
        {"access_token": BOT_TOKEN}
        if mode == "bot"
        else {"as_token": AS_TOKEN, "hs_token": HS_TOKEN}
    )
    return Account(name="moon", config=config, secrets=secrets, rooms=rooms, cursor=cursor)


class Kept:
    """A sink in memory: an event is stored once, and in the order it came."""

    def __init__(self) -> None:
        self.events: list[InEvent] = []
        self.seen: set[str] = set()
        self.cursors: list[str | None] = []
        self.gaps: list[tuple[str, str]] = []
        self.states: list[tuple[State, str]] = []
        self.fails = 0

    async def take(self, events: Sequence[InEvent], cursor: str | None) -> None:
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the database is gone")
        self.cursors.append(cursor)
        for event in events:
            if event.remote_id not in self.seen:
                self.seen.add(event.remote_id)
                self.events.append(event)

    async def gap(self, room: str, why: str) -> None:
        self.gaps.append((room, why))

    async def state(self, state: State, why: str = "") -> None:
        self.states.append((state, why))

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events]


class Waiting:
    """A clock for back-off: notes how long it was waited, and waits not at all."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.01)


async def until(fact: Callable[[], object], what: str = "") -> None:
    """Wait, with patience, until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < deadline, what or "it did not happen"
        await asyncio.sleep(0.01)


class Running:
    """A transport that runs beside the test."""

    def __init__(self, made: Account, wait: Waiting | None = None) -> None:
        self.wait = wait or Waiting()
        self.sink = Kept()
        self.matrix = Matrix(made, wait=self.wait)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Running":
        self._task = asyncio.create_task(self.matrix.run(self.sink))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        self._task.cancel()
        ended = await asyncio.gather(self._task, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError), ended

    async def up(self) -> "Running":
        await asyncio.wait_for(self.matrix.ready(), PATIENCE_S)
        return self

    async def say(self, one: OutOp) -> list[Result]:
        """Send all parts of an op, one after the other."""
        return [await self.matrix.send(one, part) for part in self.matrix.render(one)]

    def part(self, one: OutOp) -> Part:
        return self.matrix.render(one)[0]
