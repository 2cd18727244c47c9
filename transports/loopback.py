"""The network in this process: for tests, the demo and load. Nothing leaves it.

It keeps what was said in each room, knows a repeated op, and can be told to fail.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .base import (
    Account,
    Caps,
    Idem,
    InEvent,
    Landed,
    Missing,
    OutOp,
    Part,
    Result,
    Retry,
    Sender,
    Sent,
    Sink,
    kind,
)

LOOK_S = 0.02
Fault = Callable[["Net", OutOp, Part], Result | None]


@dataclass(slots=True)
class Said:
    """One thing that stands in a room."""

    remote_id: str
    room: str
    sender: str
    text: str
    op: str
    kind: str


@dataclass(slots=True)
class Net:
    """A network by name; every account on it sees the same rooms.

    `fault`, while set, decides what a sending comes to before it is carried out; None lets it.
    """

    name: str
    said: list[Said] = field(default_factory=list)
    told: list[InEvent] = field(default_factory=list)
    fault: Fault | None = None
    is_down: bool = False
    can_probe: bool = True
    _numbers: int = 0

    def next_id(self) -> str:
        """Give an id that nothing has yet."""
        self._numbers += 1
        return f"{self.name}-{self._numbers}"

    def tell(self, event: InEvent) -> str:
        """Let somebody over there say or do something; gives its id."""
        self.told.append(event)
        said = Said(event.remote_id, event.room, event.sender.name, event.text, "", event.kind)
        self.said.append(said)
        return event.remote_id


NETS: dict[str, Net] = {}


def net(name: str) -> Net:
    """Give the network of a name; it begins empty."""
    if name not in NETS:
        NETS[name] = Net(name)
    return NETS[name]


@kind("loopback")
class Loopback:
    """One account on a network of this process."""

    kind = "loopback"

    def __init__(self, account: Account) -> None:
        self.net = net(str(account.config.get("net") or account.name))
        self._cursor = int(account.cursor or 0)

    async def run(self, sink: Sink) -> None:
        """Tell the sink what is said, from the cursor on; our own comes back as an echo."""
        await sink.state("connected")
        was_down = False
        while True:
            if self.net.is_down != was_down:
                was_down = self.net.is_down
                await sink.state("waiting" if was_down else "connected")
            news = [] if was_down else self.net.told[self._cursor :]
            if news:
                await sink.take(news, str(self._cursor + len(news)))
                self._cursor += len(news)
                continue
            await asyncio.sleep(LOOK_S)

    def caps(self) -> Caps:
        """Tell that it can do everything."""
        return Caps(
            idem=Idem.PROBE, history=True, threads=True, edits=True, deletes=True, reactions=True
        )

    async def ready(self) -> None:
        """Wait while the network is down."""
        while self.net.is_down:  # noqa: ASYNC110 - a flag that tests set
            await asyncio.sleep(0.02)

    async def join(self, room: str) -> None:
        """Every room is there."""

    def render(self, op: OutOp) -> list[Part]:
        """Make one part of it, with the plain text."""
        target = op.target.remote_ids[0] if op.target and op.target.remote_ids else ""
        if op.kind != "post" and not target:
            return []
        answered = op.reply_to.remote_ids[0] if op.reply_to and op.reply_to.remote_ids else ""
        body = {"text": op.text or op.emoji, "target": target, "reply_to": answered}
        return [Part(number=0, body=body)]

    async def send(self, op: OutOp, part: Part) -> Result:
        """Let it stand in the room, unless a fault decides otherwise."""
        if self.net.is_down:
            return Retry(0.1, "the network is down")
        if self.net.fault and (found := self.net.fault(self.net, op, part)):
            return found
        return Sent(self.put(op, part))

    def put(self, op: OutOp, part: Part) -> str:
        """Put it into the room and give its id, whatever the sender is told."""
        remote_id = self.net.next_id()
        body = {name: str(value) for name, value in part.body.items()}
        self.net.said.append(
            Said(remote_id, op.room, op.speaker.name, body["text"], str(op.id), op.kind)
        )
        event = InEvent(
            kind=op.kind,
            room=op.room,
            remote_id=remote_id,
            sender=Sender(id="us", name=op.speaker.name, is_bot=True),
            at=datetime.now(UTC),
            text=body["text"],
            op_id=str(op.id),
        )
        self.net.told.append(event)
        return remote_id

    async def probe(self, op: OutOp, _part: Part) -> Landed | Missing:
        """Look for the op in the room."""
        for said in self.net.said:
            if said.op == str(op.id) and self.net.can_probe:
                return Landed(said.remote_id)
        return Missing.ABSENT if self.net.can_probe else Missing.CANNOT_TELL
