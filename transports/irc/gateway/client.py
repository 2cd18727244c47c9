"""One connection of the gateway: its bytes, its pace, its capabilities, and what it is told."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hub.errors import HubError
from transports.irc.wire import MAX_BODY_BYTES, BadLineError, Buffer, Line, body_bytes, parse

from .office import Entry, Said

if TYPE_CHECKING:
    from .server import Gateway

HOST = "parley"
CHUNK_BYTES = 4_096
MAX_SEND_QUEUE = 1_048_576  # bytes that a slow reader may owe
BURST, LINES_PER_S = 20.0, 5.0
ENTER_WITHIN_S = 60.0
MAX_SEEN = 500

# Which capability a tag needs; client-only tags (+…) need message-tags.
TAG_NEEDS = {
    "time": "server-time",
    "account": "account-tag",
    "batch": "batch",
    "label": "labeled-response",
    "draft/multiline-concat": "draft/multiline",
}

logger = logging.getLogger(__name__)


class GoneError(Exception):
    """The connection is to end; the words are the reason that the client is given."""


@dataclass(slots=True)
class Gathering:
    """A multiline batch that a client is sending."""

    name: str
    target: str
    opening: Line
    lines: list[Line] = field(default_factory=list)
    size: int = 0

    @property
    def end(self) -> str:
        """Give the parameter that closes it."""
        return f"-{self.name}"


class Client:
    """One connection. The loop's only; whatever waits for the hub is awaited."""

    def __init__(
        self, gateway: "Gateway", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.gateway = gateway
        self.caps: set[str] = set()
        self.negotiating = False
        self.entry: Entry | None = None
        self.token = ""
        self.nick = "*"
        self.user = ""
        self.sasl = ""
        self.rooms: dict[str, str] = {}
        self.watched: dict[str, str] = {}
        self.gathering: Gathering | None = None
        self.labels: dict[int, str] = {}
        self.own: deque[int] = deque(maxlen=MAX_SEEN)
        self.last_rx = time.monotonic()
        self.pinged = False
        self._reader, self._writer = reader, writer
        self._tokens, self._filled_at = BURST, time.monotonic()
        self._busy = False
        self._news: deque[Said] = deque()
        self._held: list[Line] | None = None
        self._batches = 0

    @property
    def mask(self) -> str:
        """Give nick!user@host."""
        return mask_of(self.nick)

    @property
    def me(self) -> Entry:
        """Give who this is, once they came in."""
        assert self.entry is not None, "verbs that need an entry run after it"
        return self.entry

    async def serve(self) -> None:
        """Read lines until the end of either side."""
        reason = "connection closed"
        try:
            async with asyncio.timeout(ENTER_WITHIN_S) as patience:
                await self._read_all(patience)
        except TimeoutError:
            reason = "no login within a minute"
        except GoneError as gone:
            reason = str(gone)
        except (OSError, asyncio.IncompleteReadError):
            reason = "connection lost"
        finally:
            self.close(reason)

    async def _read_all(self, patience: asyncio.Timeout) -> None:
        buffer = Buffer()
        while chunk := await self._reader.read(CHUNK_BYTES):
            self.last_rx, self.pinged = time.monotonic(), False
            for raw in buffer.feed(chunk):
                await self._pace()
                await self._take(raw)
                if self.entry:
                    patience.reschedule(None)

    async def _pace(self) -> None:
        """Take one line's share; a client that floods waits, and so does its socket."""
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * LINES_PER_S)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0 and not self.gathering:
            await asyncio.sleep(-self._tokens / LINES_PER_S)

    async def _take(self, raw: bytes | None) -> None:
        line = parse(raw) if raw is not None else None
        if raw is None or body_bytes(raw) > MAX_BODY_BYTES:
            self.say("417", "Input line was too long")
            return
        if line is None:
            return
        label = self._label_of(line)
        self._busy = True
        self._held = [] if label else None
        try:
            await self._obey(line)
        finally:
            held, self._held, self._busy = self._held, None, False
            if label:
                self._answer(label, held or [])
            while self._news:
                self.gateway.tell(self, self._news.popleft())

    def _label_of(self, line: Line) -> str:
        """Give the label to answer to; that of a multiline batch is answered at its end."""
        if "labeled-response" not in self.caps:
            return ""
        if line.command == "BATCH" and line.param(1) == "draft/multiline":
            return ""
        if self.gathering and line.command == "BATCH" and line.param(0) == self.gathering.end:
            line = self.gathering.opening
        return line.tags.get("label", "")

    async def _obey(self, line: Line) -> None:
        try:
            await self.gateway.obey(self, line)
        except HubError as error:
            self.fail(line.command, error.code, error.message)
        except BadLineError as error:
            self.fail(line.command, "line.bad", f"This cannot be shown on IRC: {error}")

    def _answer(self, label: str, lines: list[Line]) -> None:
        """Answer a labelled command: one line, a batch, or an acknowledgement."""
        if label in self.labels.values():
            for line in lines:  # the labelled answer is the echo, which comes from the log
                self.write(line)
        elif len(lines) == 1:
            self.write(replace(lines[0], tags={**lines[0].tags, "label": label}))
        elif not lines:
            self.write(Line("ACK", (), HOST, {"label": label}))
        else:
            self.batch("labeled-response", (), lines, {"label": label})

    def batch(
        self,
        kind: str,
        params: tuple[str, ...],
        lines: list[Line],
        tags: Mapping[str, str],
        source: str = HOST,
    ) -> None:
        """Send lines as one batch; those in a batch of their own keep it."""
        self._batches += 1
        name = f"b{self._batches}"
        inside = [
            line if "batch" in line.tags else replace(line, tags={**line.tags, "batch": name})
            for line in lines
        ]
        self.send(Line("BATCH", (f"+{name}", kind, *params), source, tags))
        for line in inside:
            self.send(line)
        self.send(Line("BATCH", (f"-{name}",), source))

    def next_batch(self) -> str:
        """Give a name for a batch that a caller opens and closes itself."""
        self._batches += 1
        return f"b{self._batches}"

    def was_told(self, message: int) -> bool:
        """Tell whether a message came by before, so that no echo of it is still to come."""
        is_out = self.gateway.has_handed_out(self.me.actor.project_id, message)
        return is_out and not any(said.message == message for said in self._news)

    def hear(self, said: Said) -> None:
        """Take news; while a command of this client runs they wait, so that it knows its own."""
        if self._busy:
            self._news.append(said)
        else:
            self.gateway.tell(self, said)

    def send(self, line: Line) -> None:
        """Send a line, or keep it for the answer of the command that runs."""
        if self._held is not None:
            self._held.append(line)
        else:
            self.write(line)

    def say(self, numeric: str, *params: str) -> None:
        """Send a numeric reply."""
        self.send(Line(numeric, (self.nick, *params), HOST))

    def fail(self, command: str, code: str, words: str) -> None:
        """Say why something was refused, as the client can show it."""
        words = " ".join(words.split())[:350]
        if "standard-replies" in self.caps:
            name = code.upper().replace(".", "_").replace("-", "_") or "REFUSED"
            self.send(Line("FAIL", (command, name, words), HOST))
        else:
            self.send(Line("NOTICE", (self.nick, f"{command}: {words}"), HOST))

    def write(self, line: Line) -> None:
        """Write a line with the tags that this client understands; drops a reader that is slow."""
        tags = {key: value for key, value in line.tags.items() if self._takes(key)}
        if self._writer.is_closing():
            return
        self._writer.write(replace(line, tags=tags).encode())
        if self._writer.transport.get_write_buffer_size() > MAX_SEND_QUEUE:
            logger.info("%s reads too slowly and is dropped", self.nick)
            self._writer.transport.abort()

    def _takes(self, tag: str) -> bool:
        return TAG_NEEDS.get(tag, "message-tags") in self.caps

    def close(self, reason: str) -> None:
        """End the connection with words; a second time does nothing."""
        self.gateway.leave(self)
        if not self._writer.is_closing():
            self._writer.write(Line("ERROR", (f"Closing link: {reason}",)).encode())
            self._writer.close()


def mask_of(nick: str) -> str:
    """Give the mask of a member's nick."""
    return f"{nick}!{nick.lower()}@{HOST}"


Verb = Callable[[Client, Line], Awaitable[None]]
