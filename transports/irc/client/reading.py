"""What was heard, on its way to the sink: in order, each once, gaps filled or told."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from transports.base import InEvent, Sink
from transports.irc.wire import Line

from .batches import Batch, Item
from .connection import MAX_UNREAD
from .history import OVERLAP, HistoryError, Mark, dump, load, pages, reaches
from .inbound import Own, Seen, event_of
from .pace import Patience
from .place import Timing
from .session import Session, moment

AT_ONCE = 100
TRIES = 5
REPLAY_SLACK = timedelta(seconds=2)  # times of a replay are rounded to seconds
HEARD = {"PRIVMSG", "NOTICE", "TAGMSG", "REDACT"}
_SPLIT = re.compile(r"\S+\.\S+ \S+\.\S+")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Said:
    room: str
    line: Line


@dataclass(frozen=True, slots=True)
class _Gap:
    room: str
    why: str


class Reading:
    """The incoming half of an account; `faults` counts lines and events that were given up."""

    def __init__(self, sink: Sink, cursor: str | None, own: Own, timing: Timing) -> None:
        self.session: Session | None = None
        self.faults = 0
        self._sink, self._own, self._timing = sink, own, timing
        self._marks = load(cursor)
        self._rooms: dict[str, str] = {}
        self._held: dict[str, list[_Said]] = {}
        self._entered: dict[str, datetime] = {}
        self._queue: deque[_Said | _Gap] = deque()
        self._some = asyncio.Event()
        self._seen = Seen()
        self._count = 0
        self._is_paused = False
        self._split: asyncio.TimerHandle | None = None

    # -- in, from a session: nothing here waits ----------------------------------------------------

    def hear(self, item: Item) -> None:
        """Take what a session heard. Old lines that a server replays by itself are dropped."""
        if isinstance(item, Batch):
            if item.kind not in {"chathistory", "labeled-response"}:
                for line in item.lines():
                    self.hear(line)
            return
        room = self._rooms.get(item.param(0).lower(), "")
        if item.command == "QUIT" and _SPLIT.fullmatch(item.param(0)):
            self._note_split()
        elif item.command == "JOIN" and room:
            self._note_join(room, item)
        elif item.command in HEARD and room and not self._is_replayed(room, item):
            said = _Said(room, item)
            if room in self._held:
                self._held[room].append(said)
            else:
                self._put(said)

    def _note_join(self, room: str, line: Line) -> None:
        at = moment(line.tags.get("time", ""))
        if at and self.session and line.source.partition("!")[0] == self.session.nick:
            self._entered[room] = at

    def _is_replayed(self, room: str, line: Line) -> bool:
        at, entered = moment(line.tags.get("time", "")), self._entered.get(room)
        return at is not None and entered is not None and at < entered - REPLAY_SLACK

    def _note_split(self) -> None:
        """Wait until a split is surely over: then one gap is told, and nobody's leaving."""
        if self._split is None:
            loop = asyncio.get_running_loop()
            self._split = loop.call_later(self._timing.split_s, self._split_over)

    def _split_over(self) -> None:
        self._split = None
        for room in list(self._rooms.values()):
            self._put(_Gap(room, "servers were split; what the other side said is not known"))

    def _put(self, one: _Said | _Gap) -> None:
        self._queue.append(one)
        self._some.set()
        if len(self._queue) > MAX_UNREAD and not self._is_paused and self.session:
            self._is_paused = True
            self.session.hold(reading=False)

    # -- rooms ------------------------------------------------------------------------------------

    def hold(self, room: str) -> None:
        """Keep back what is said in a room until `fill` has read what was said before."""
        self._rooms[room.lower()] = room
        self._held[room] = []

    async def fill(self, session: Session, room: str) -> None:
        """Read what was said in a room since it was read last, or tell the gap; then let go."""
        mark = self._marks.get(room)
        try:
            if mark is None:
                self._marks[room] = Mark("", datetime.now(UTC) + session.skew)
                self._put(_Gap(room, ""))
            elif session.has_history:
                await self._read_past(session, room, mark)
            else:
                self._put(_Gap(room, f"nobody listened since {mark.at:%Y-%m-%d %H:%M:%S} UTC"))
        except HistoryError as error:
            self._put(_Gap(room, f"the server does not tell what was said before: {error}"))
        except ConnectionError:
            self._held.pop(room, None)  # the next connection reads it again
            raise
        for said in self._held.pop(room, []):
            self._put(said)

    async def _read_past(self, session: Session, room: str, mark: Mark) -> None:
        if mark.id and not await reaches(session, room, mark.at + OVERLAP):
            self._put(_Gap(room, "the server's history does not reach back to the last message"))
        async for page in pages(session, room, mark.at - OVERLAP):
            for line in page:
                if line.command in HEARD and not (mark.id and line.tags.get("msgid") == mark.id):
                    self._put(_Said(room, line))

    # -- out, to the sink -------------------------------------------------------------------------

    async def run(self) -> None:
        """Store what was heard, for ever; trouble of the sink is waited out."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._queue:
                await self._next()
                if self._is_paused and len(self._queue) < MAX_UNREAD // 4:
                    self._is_paused = False
                    if self.session:
                        self.session.hold(reading=True)

    async def _next(self) -> None:
        first = self._queue.popleft()
        if isinstance(first, _Gap):
            await self._tell_gap(first)
            return
        said = [first]
        while self._queue and len(said) < AT_ONCE and isinstance(self._queue[0], _Said):
            said.append(self._queue.popleft())  # type: ignore[arg-type]
        events = [event for one in said if (event := self._event(one))]
        if events:
            await self._store(events)

    async def _tell_gap(self, gap: _Gap) -> None:
        if gap.why:
            await self._patiently(lambda: self._sink.gap(gap.room, gap.why))
            if self.session and not self.session.has_history:
                self._marks[gap.room] = Mark("", datetime.now(UTC) + self.session.skew)
        await self._patiently(lambda: self._sink.take([], dump(self._marks)))

    def _event(self, said: _Said) -> InEvent | None:
        self._count += 1
        try:
            event = event_of(said.line, said.room, self._own, self._count)
        except Exception:  # one line's fault is not the room's
            self.faults += 1
            logger.exception("IRC %s in %s was not read", said.line.command, said.room)
            return None
        if event is None or not self._seen.add(f"{said.room} {event.remote_id}"):
            return None
        before = self._marks.get(said.room)
        # A mark without an id is a guess of ours, by another clock.
        if before is None or not before.id or event.at >= before.at:
            self._marks[said.room] = Mark(said.line.tags.get("msgid", ""), event.at)
        return event

    async def _store(self, events: list[InEvent]) -> None:
        cursor = dump(self._marks)
        if await self._patiently(lambda: self._sink.take(events, cursor), tries=TRIES):
            return
        for event in events:  # one of them may be what cannot be stored
            await self._store_one(event, cursor)

    async def _store_one(self, event: InEvent, cursor: str) -> None:
        """Store an event; it is given up only when the sink takes others but not this one."""
        while not await self._patiently(lambda: self._sink.take([event], cursor), tries=TRIES):
            if await self._patiently(lambda: self._sink.take([], None), tries=1):
                self.faults += 1
                logger.error("an event of %s was given up", event.room)
                await self._tell_gap(_Gap(event.room, "a message could not be stored"))
                return

    async def _patiently(self, call: Callable[[], Awaitable[None]], *, tries: int = 0) -> bool:
        """Call the sink until it works, at most so often (0 is without end)."""
        patience, count = Patience(self._timing.first_wait_s, 30.0), 0
        while True:
            try:
                await call()
            except Exception:  # the sink's trouble is logged there, waited out here
                count += 1
                logger.warning("what was heard is not stored yet", exc_info=count == 1)
                if count == tries:
                    return False
                await asyncio.sleep(patience.next_s())
            else:
                return True
