"""The contract of every network: what it is told to send, what it answers, what it takes in.

Plain Python: no row crosses it, so that a network can be tried without a database.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol
from uuid import UUID

Kind = Literal["post", "edit", "delete", "react", "unreact"]
State = Literal["connecting", "connected", "waiting", "refused", "stopped"]
Scope = Literal["op", "actor", "channel", "account"]


class Idem(StrEnum):
    """What is known of a sending whose answer was lost."""

    STRONG = "strong"  # the same id is taken once by the network
    PROBE = "probe"  # it can be looked up afterwards
    NONE = "none"  # neither: it stays unconfirmed until a person decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What a connected account can do now. `rate_per_s` and `burst` are for each speaker."""

    idem: Idem
    history: bool = False
    threads: bool = False
    edits: bool = False
    deletes: bool = False
    reactions: bool = False
    multiline: bool = False
    max_bytes: int | None = None
    rate_per_s: float = 1_000.0
    burst: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who says it: a member's name as everybody sees it, unique in its project."""

    name: str
    is_bot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """The message that is answered or changed; without `remote_ids` it is not there."""

    remote_ids: tuple[str, ...]
    author: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOp:
    """One thing to do in one room. It never changes: the same op renders to the same parts.

    `id` is what makes a repeat known as one. `text` is canonical Markdown. `target` is what an
    edit, a deletion or a reaction is about. `late_s` is more than 0 for what is sent late: then
    the moment it was said is shown.
    """

    id: UUID
    kind: Kind
    room: str
    speaker: Speaker
    text: str
    url: str
    said_at: datetime
    reply_to: Quoted | None = None
    target: Quoted | None = None
    emoji: str = ""
    late_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of an op as the network is given it: a plain JSON value."""

    number: int
    body: Mapping[str, object]

    @property
    def digest(self) -> str:
        """Name the rendering: SHA-256 of its canonical JSON, hex."""
        text = json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Sent:
    """The network has it, under an id of its own (empty where it gives none)."""

    remote_id: str


@dataclass(frozen=True, slots=True)
class Retry:
    """It surely did not take it; ask again after so many seconds."""

    after_s: float
    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have taken it: probe before anything is sent again."""

    why: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will never take it as it is. `scope` is what the refusal is about."""

    code: str
    detail: str
    scope: Scope = "op"


Result = Sent | Retry | Unknown | Rejected


@dataclass(frozen=True, slots=True)
class Landed:
    """A probe found it there."""

    remote_id: str


class Missing(StrEnum):
    """What a probe that found nothing means."""

    ABSENT = "absent"  # it is not there: it may be sent again
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who said it over there. `id` is what rights hang on: an account, never a nick."""

    id: str
    name: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InEvent:
    """Something that happened in a room. `text` is Markdown already.

    `remote_id` is unique in the network for what it is about; `op_id` is set when it is our own
    sending that came back. `target` is the message that an edit, deletion or reaction is about.
    """

    kind: Kind
    room: str
    remote_id: str
    sender: Sender
    at: datetime
    text: str = ""
    reply_to: str = ""
    target: str = ""
    emoji: str = ""
    op_id: str = ""
    raw: Mapping[str, object] = field(default_factory=dict)


class Sink(Protocol):
    """Where a network puts what comes in. A call returns once it is stored, and only then may the
    network let its own cursor go on.
    """

    async def take(self, events: Sequence[InEvent], cursor: str | None) -> None:
        """Store events and, in the same transaction, how far the network was read."""
        ...

    async def gap(self, room: str, why: str) -> None:
        """Note that something may be missing of a room and cannot be read any more."""
        ...

    async def state(self, state: State, why: str = "") -> None:
        """Say how the connection is; `why` holds no secret."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a network is connected with; `secrets` never reach a log."""

    name: str
    config: Mapping[str, object]
    secrets: Mapping[str, str] = field(repr=False)
    rooms: tuple[str, ...]
    cursor: str | None


class Transport(Protocol):
    """One connected account. Its methods belong to one event loop."""

    kind: str

    async def run(self, sink: Sink) -> None:
        """Connect, read on from the cursor, reconnect; until cancelled. Never raises for network
        trouble: that is a state.
        """
        ...

    def caps(self) -> Caps:
        """Tell what it can do now."""
        ...

    async def ready(self) -> None:
        """Wait until something can be sent."""
        ...

    async def join(self, room: str) -> None:
        """Be in a room that was bound while it runs; again does nothing."""
        ...

    def render(self, op: OutOp) -> list[Part]:
        """Make the parts of an op, always the same; no parts for what it cannot show."""
        ...

    async def send(self, op: OutOp, part: Part) -> Result:
        """Give one part to the network."""
        ...

    async def probe(self, op: OutOp, part: Part) -> Landed | Missing:
        """Look, after Unknown, whether a part is there."""
        ...


Maker = Callable[[Account], Transport]
Wait = Callable[[float], Awaitable[None]]
KINDS: dict[str, Maker] = {}


def kind(name: str) -> Callable[[Maker], Maker]:
    """Register a kind of network under its name."""

    def add(maker: Maker) -> Maker:
        KINDS[name] = maker
        return maker

    return add
