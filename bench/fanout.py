"""One post to many live sockets: how long until every reader has it."""

import asyncio
import secrets
import time
from asyncio import AbstractEventLoop, BaseTransport
from dataclasses import dataclass, field

from channels.db import database_sync_to_async

from bench.measure import Line, Taken, line
from bench.stage import Stage, cookie_of
from bench.wire import Caller, listen
from hub.actions import events

AT_ONCE = 20
PATIENCE_S = 30.0
WARM_UP = 2


@dataclass(slots=True)
class Hall:
    """The readers of one case, and who has heard the present post."""

    mark: bytes = b""
    said_at: float = 0.0
    took_ms: list[float] = field(default_factory=list)
    missing: int = 0
    all_heard: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, text: bytes) -> None:
        """Note that one reader got the present post."""
        if self.mark in text:
            self.took_ms.append((time.perf_counter() - self.said_at) * 1000)
            self.missing -= 1
            if not self.missing:
                self.all_heard.set()


def fan_out(stage: Stage, address: tuple[str, int], readers: int, seconds: float) -> Taken:
    """Post for some seconds, each time after every reader has the one before.

    An operation is a post that all have; its times are those of the single readers.
    """
    cookie = cookie_of(stage.user)
    return asyncio.run(_measured(stage, address, readers, (seconds, cookie)))


async def _measured(
    stage: Stage, address: tuple[str, int], readers: int, more: tuple[float, str]
) -> Taken:
    seconds, cookie = more
    hall = Hall()
    # As a page does: without a place in the log a socket begins when it is let in, a little later.
    after = await database_sync_to_async(events.upto)(stage.project_id)
    path = f"/live/{stage.slug}/?topics=project,channel:{stage.channel}&after={after}"
    sockets = await _seated(hall, address, (path, cookie), readers)
    # The server ends a connection that is idle for 5 s, and so many readers take longer than that.
    try:
        for _ in range(WARM_UP):
            await _post(hall, address, stage, readers)
        hall.took_ms.clear()
        began, posts = time.perf_counter(), 0
        while not posts or time.perf_counter() - began < seconds:
            await _post(hall, address, stage, readers)
            posts += 1
        spent = time.perf_counter() - began
    finally:
        for socket in sockets:
            socket.close()
    return Taken(ops_per_s=posts / spent, took_ms=hall.took_ms)


async def _seated(
    hall: Hall, address: tuple[str, int], page: tuple[str, str], readers: int
) -> list[BaseTransport]:
    sockets: list[BaseTransport] = []
    while len(sockets) < readers:
        some = min(AT_ONCE, readers - len(sockets))
        more = (listen(address, *page, hall.heard) for _ in range(some))
        sockets += await asyncio.gather(*more)
    return sockets


def _say(address: tuple[str, int], stage: Stage, payload: dict[str, object]) -> None:
    caller = Caller(address, stage.tokens[0])
    try:
        caller.call("message.post", payload)
    finally:
        caller.close()


async def _post(hall: Hall, address: tuple[str, int], stage: Stage, readers: int) -> None:
    loop: AbstractEventLoop = asyncio.get_running_loop()
    hall.mark = secrets.token_hex(8).encode()
    hall.missing = readers
    hall.all_heard.clear()
    payload = {"channel": stage.channel, "text": f"Done: {hall.mark.decode()}"}
    hall.said_at = time.perf_counter()
    await loop.run_in_executor(None, _say, address, stage, payload)
    async with asyncio.timeout(PATIENCE_S):
        await hall.all_heard.wait()


def lines(
    stage: Stage, address: tuple[str, int], readers: list[int], ran: tuple[float, Taken]
) -> list[Line]:
    """Measure each number of readers; `ran` holds the seconds and the floor of posting."""
    seconds, ground = ran
    return [
        line(f"fanout {count}", count, fan_out(stage, address, count, seconds), ground)
        for count in readers
    ]
