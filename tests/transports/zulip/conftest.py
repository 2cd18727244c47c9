"""A double of a Zulip server, and an account that runs at it with waits of tenths."""

import asyncio
import time
import uuid
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from transports.base import Account, Landed, Missing, OutOp, Retry, Sent, Speaker, Unknown
from transports.zulip.adapter import Zulip
from transports.zulip.sending import Waits

from .double import Double

PATIENCE_S = 10.0
WAITS = Waits(
    call_s=0.6,
    poll_s=1.5,
    back_off_s=0.05,
    back_off_max_s=0.2,
    echo_s=0.3,
    settle_s=2.0,
    tries=10,
)
ROOM = "apollo/moon/landing"


async def until(holds, patience_s=PATIENCE_S):
    """Wait until something holds, and fail when it does not."""
    end = time.monotonic() + patience_s
    while not (value := holds()):
        assert time.monotonic() < end, "it did not come to be"
        await asyncio.sleep(0.01)
    return value


class FakeSink:
    """Keeps what it is told; it can fail as a database does."""

    def __init__(self):
        self.events, self.cursors, self.states, self.gaps = [], [], [], []
        self.fails = 0

    async def take(self, events, cursor):
        if self.fails:
            self.fails -= 1
            raise OSError("the database is away")
        self.events += events
        self.cursors.append(cursor)

    async def gap(self, room, why):
        self.gaps.append(room)

    async def state(self, state, why=""):
        self.states.append((state, why))

    def texts(self, room=ROOM):
        return [one.text for one in self.events if one.kind == "post" and one.room == room]

    def of(self, kind):
        return [one for one in self.events if one.kind == kind]


class Office:
    """A server with people and bots, and what the core does with one account."""

    def __init__(self, double):
        self.double = double
        self.ada = double.add_user("Ada Lovelace")
        self.main = double.add_user("Parley", is_bot=True)
        self.ramona = double.add_user("Ramona Bot", is_bot=True)
        self.sink = FakeSink()
        self.transport = None
        self.results = []
        self._task = None
        double.stream("apollo")

    def account(self, cursor=None, rooms=(ROOM,)):
        return Account(
            name="zulip",
            config={
                "site": self.double.site,
                "email": self.main.email,
                "bot:Ramona": self.ramona.email,
            },
            secrets={"key": self.main.key, "Ramona": self.ramona.key},
            rooms=rooms,
            cursor=cursor,
        )

    async def start(self, *, waits=WAITS, **options):
        self.transport = Zulip(self.account(**options), waits)
        self._task = asyncio.create_task(self.transport.run(self.sink))
        async with asyncio.timeout(PATIENCE_S):
            await self.transport.ready()
        return self.transport

    async def start_unready(self, *, key):
        account = self.account()
        account.secrets["key"] = key
        self.transport = Zulip(account, WAITS)
        self._task = asyncio.create_task(self.transport.run(self.sink))

    async def stop(self):
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def op(self, text="Hello", *, kind="post", by="Ramona", **options):
        return OutOp(
            id=uuid.uuid4(),
            kind=kind,
            room=options.pop("room", ROOM),
            speaker=Speaker(name=by, is_bot=True),
            text=text,
            url="http://127.0.0.1/m/1",
            said_at=options.pop("said_at", datetime.now(UTC)),
            **options,
        )

    async def deliver(self, op):
        """Send an op as a lane does: probe before anything is sent again."""
        return [await self._deliver(op, part) for part in self.transport.render(op)]

    async def _deliver(self, op, part):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                result = await self.transport.send(op, part)
                self.results.append(result)
                match result:
                    case Sent():
                        return result.remote_id
                    case Retry():
                        await asyncio.sleep(min(result.after_s, 2.0))
                    case Unknown():
                        found = await self.transport.probe(op, part)
                        self.results.append(found)
                        if isinstance(found, Landed):
                            return found.remote_id
                        assert found is Missing.ABSENT, found
                    case refused:
                        return refused

    def contents(self, room=ROOM):
        return [content for _, content in self.double.contents(room)]


@pytest.fixture
def double():
    made = Double().start()
    made.heartbeat_s = 0.3
    yield made
    made.stop()


@pytest_asyncio.fixture
async def office(double):
    made = Office(double)
    yield made
    await made.stop()
