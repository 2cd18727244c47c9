"""One connection to a server from the first line to the last: who it is, where, and who waits."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from transports.irc.wire import Line

from .answers import Answer, Answers
from .batches import Collector, Item
from .connection import LostError, Wire
from .entering import Entering
from .pace import Bucket
from .place import Place, Timing

TRAVEL = timedelta(seconds=2)  # what a line may take; clocks that differ by less are the same
WINDOW = 4  # lines without an answer: together they fit the smallest receive queue, 8 KiB
JOIN_FAILED = {"403", "405", "437", "471", "473", "474", "475", "476", "477", "480", "489"}

logger = logging.getLogger(__name__)


class NotSentError(ConnectionError):
    """There was no connection, so nothing was sent."""


class RoomError(Exception):
    """A room does not let us in; `code` is the server's."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class Session:
    """A connection; `hear` is given all that is said to it, in order, and must not wait."""

    def __init__(
        self, place: Place, timing: Timing, nick: str, hear: Callable[[Item], None]
    ) -> None:
        self.wanted_nick = nick
        self.is_open = False
        self.rooms: set[str] = set()
        self.skew = timedelta()
        self.renamed = asyncio.Event()
        self._place, self._timing, self._hear = place, timing, hear
        self._wire = Wire(self._take, self._ended)
        self._entering = Entering(place, nick, self._wire.write)
        self._collector, self._answers = Collector(), Answers()
        self._bucket = Bucket(place.rate_per_s, place.burst)
        self._window = asyncio.Semaphore(WINDOW)
        self._joining: dict[str, asyncio.Future[None]] = {}
        self._inside: set[str] = set()  # rooms that echoed our JOIN
        self._over = asyncio.Event()
        self._why = "the connection ended"
        self._last_rx = 0.0
        self._is_held = False
        self.userhost = ""

    @property
    def nick(self) -> str:
        """Give the nick that the server knows us by now."""
        return self._entering.nick

    @property
    def caps(self) -> set[str]:
        """Give the capabilities that were agreed on."""
        return self._entering.caps

    @property
    def faults(self) -> int:
        """Count the lines that were not handled."""
        return self._wire.faults

    def cap_value(self, name: str) -> dict[str, str]:
        """Give what a capability says of itself: keys and values."""
        pairs = self._entering.offered.get(name, "").split(",")
        return {key: value for key, _, value in (pair.partition("=") for pair in pairs) if key}

    def supports(self, name: str) -> str:
        """Give what the server said of itself in ISUPPORT, or nothing."""
        return self._wire.supports(name)

    @property
    def has_history(self) -> bool:
        """Tell whether it can be asked what was said before."""
        return {"draft/chathistory", "batch", "labeled-response"} <= self.caps

    async def open(self) -> None:
        """Come in. Raises RefusedError, OSError (TimeoutError too), or ValueError."""
        place = self._place
        self._last_rx = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._timing.enter_s):
                trust = place.trust()
                await self._wire.open(
                    place.host, place.port, self.wanted_nick, place.server_password, trust
                )
                await self._entering.done
        except BaseException:
            self.close()
            raise
        self.is_open = not self._over.is_set()
        if mode := self.supports("BOT"):
            self.tell(Line("MODE", (self.nick, f"+{mode[:1]}")))

    async def closed(self) -> str:
        """Wait for the end, keeping the connection alive and its nick wanted; gives why."""
        timing, loop = self._timing, asyncio.get_running_loop()
        regain_at = loop.time()
        tick_s = min(timing.ping_after_s, timing.drop_after_s, timing.regain_s) / 4
        is_asked = False
        while not self._over.is_set():
            silent = 0.0 if self._is_held else loop.time() - self._last_rx
            is_asked = is_asked and silent >= timing.ping_after_s
            if silent > timing.drop_after_s:
                self._why = "the server fell silent"
                self._wire.abort()
            elif silent >= timing.ping_after_s and not is_asked:
                is_asked = True
                self.tell(Line("PING", ("alive",)))
            if self.nick != self.wanted_nick and loop.time() >= regain_at:
                regain_at = loop.time() + timing.regain_s
                self._regain()
            try:
                await asyncio.wait_for(self._over.wait(), tick_s)
            except TimeoutError:
                continue
        return self._why

    def _regain(self) -> None:
        if self.supports("MONITOR"):
            self.tell(Line("MONITOR", ("+", self.wanted_nick)))
        self.tell(Line("NICK", (self.wanted_nick,)))

    def close(self) -> None:
        """Say goodbye and end it; a second time does nothing."""
        self._wire.close()
        self._ended()

    def hold(self, *, reading: bool) -> None:
        """Read on, or let the server wait until what it said is handled."""
        self._is_held = not reading
        self._last_rx = asyncio.get_running_loop().time()
        self._wire.hold(reading=reading)

    def tell(self, *lines: Line) -> None:
        """Send lines whose answer nobody awaits; without a connection they are dropped."""
        try:
            self._wire.write(*lines)
        except LostError:
            logger.debug("not sent: the connection is gone")

    async def ask(self, lines: Sequence[Line]) -> Answer:
        """Send lines together and wait for the server's answer: with labels all that it says to
        them, else the errors only.

        Raises NotSentError or BadLineError before anything was sent; LostError when the answer
        will not come.
        """
        async with self._window:
            await self._bucket.take(len(lines))
            if not self.is_open:
                raise NotSentError("not connected")
            has_labels = "labeled-response" in self.caps
            make = self._answers.labelled if has_labels else self._answers.fenced
            for line in lines:
                line.encode()  # what cannot be written must not leave a question behind
            made, answer = make(lines)
            try:
                self._wire.write(*made)
            except LostError as error:
                raise NotSentError("not connected") from error
            try:
                return await asyncio.wait_for(answer, self._timing.answer_s)
            except TimeoutError:
                raise LostError("the server did not answer") from None

    async def join(self, room: str) -> None:
        """Be in a room: joined, and its names told. Raises RoomError, NotSentError, LostError."""
        key = room.lower()
        if key in self.rooms:
            return
        if not self.is_open:
            raise NotSentError("not connected")
        if key not in self._joining:
            self._joining[key] = asyncio.get_running_loop().create_future()
            await self._bucket.take(1)
            self.tell(Line("JOIN", (room,)))
        waiting = self._joining.get(key)
        try:
            async with asyncio.timeout(self._timing.join_s):
                if waiting:
                    await asyncio.shield(waiting)
        except TimeoutError:
            self._joining.pop(key, None)
            raise LostError(f"{room} was not entered in time") from None

    def _ended(self) -> None:
        if self._over.is_set():
            return
        self.is_open = False
        self.rooms.clear()
        self._over.set()
        self._entering.fail(LostError("the server hung up"))
        self._answers.lose(self._why)
        for waiting in self._joining.values():
            if not waiting.done():
                waiting.set_exception(LostError(self._why))
                waiting.exception()
        self._joining.clear()

    # -- lines ------------------------------------------------------------------------------------

    def _take(self, line: Line) -> None:
        self._last_rx = asyncio.get_running_loop().time()
        if not self._entering.done.done():
            self._entering.take(line)
            return
        item = self._collector.take(line)
        if item is None:
            return
        if isinstance(item, Line):
            if item.command in JOIN_FAILED and self._not_joined(item):
                return
            self._note(item)
        if self._answers.take(item) and not _is_said(item):
            return
        self._hear(item)

    def _note(self, line: Line) -> None:
        """Keep up with what a line says of this connection."""
        is_own = line.source.partition("!")[0] == self.nick
        match line.command:
            case "JOIN" if is_own:
                self._inside.add(line.param(0).lower())
                self.userhost = line.source.partition("!")[2]
                self._note_skew(line)
            case "366" if line.param(1).lower() in self._inside:
                self._joined(line.param(1).lower())
            case "NICK" if is_own:
                self._entering.nick = line.param(0)
                self.renamed.set()
            case "731" if self.nick != self.wanted_nick:
                self.tell(Line("NICK", (self.wanted_nick,)))
            case "KICK" | "PART":
                self._note_leaving(line, is_own=is_own)
            case "CAP" if line.param(1).upper() == "DEL":
                self.caps.difference_update(line.params[-1].split())
            case "ERROR":
                self._why = f"the server hung up: {line.param(0)[:200]}"

    def _note_leaving(self, line: Line, *, is_own: bool) -> None:
        """Leave a room when we part or somebody kicks us, not when we kick somebody."""
        if line.param(1) == self.nick if line.command == "KICK" else is_own:
            self.rooms.discard(line.param(0).lower())
            self._inside.discard(line.param(0).lower())

    def _joined(self, key: str) -> None:
        self.rooms.add(key)
        waiting = self._joining.pop(key, None)
        if waiting and not waiting.done():
            waiting.set_result(None)

    def _not_joined(self, line: Line) -> bool:
        waiting = self._joining.pop(line.param(1).lower(), None)
        if waiting is None or waiting.done():
            return False
        waiting.set_exception(RoomError(line.command, line.params[-1][:200]))
        waiting.exception()
        return True

    def _note_skew(self, line: Line) -> None:
        if at := moment(line.tags.get("time", "")):
            skew = at - datetime.now(UTC)
            self.skew = skew if abs(skew) > TRAVEL else timedelta()


def moment(text: str) -> datetime | None:
    """Read a server-time; None for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _is_said(item: Item) -> bool:
    """Tell whether an answer is also news: our own words that came back."""
    return isinstance(item, Line) and item.command in {"PRIVMSG", "NOTICE", "TAGMSG"}
