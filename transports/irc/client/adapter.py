"""The account of an IRC server as the contract of networks wants it: connect, read, send."""

import asyncio
import logging

from transports.base import (
    Account,
    Caps,
    Idem,
    Landed,
    Missing,
    OutOp,
    Part,
    Rejected,
    Result,
    Retry,
    Sent,
    Sink,
    State,
    Transport,
    kind,
)

from .batches import MULTILINE
from .entering import RefusedError
from .inbound import Own
from .pace import Patience
from .place import BURST, RATE_PER_S, Place, Timing
from .probing import probe
from .reading import Reading
from .render import LINE_BYTES, MASK_BYTES, render
from .session import RoomError, Session
from .speaking import RETRY_S, Speaking

logger = logging.getLogger(__name__)


class Irc:
    """One account on one server. Its methods belong to one event loop."""

    kind = "irc"

    def __init__(self, account: Account, timing: Timing | None = None) -> None:
        self._account, self._timing = account, timing or Timing()
        self._rooms = {room.lower(): room for room in account.rooms}
        self._entering: dict[str, asyncio.Lock] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._session: Session | None = None
        self._reading: Reading | None = None
        self._speaking: Speaking | None = None
        self._own = Own(self._nicks, lambda: self._session.userhost if self._session else "")
        self._ready = asyncio.Event()
        self._refused = ""
        self._place: Place | None = None

    def _nicks(self) -> set[str]:
        return self._speaking.nicks() if self._speaking else set()

    @property
    def faults(self) -> int:
        """Count the lines and events that could not be handled."""
        session = self._session.faults if self._session else 0
        return session + (self._reading.faults if self._reading else 0)

    # -- the connection ---------------------------------------------------------------------------

    async def run(self, sink: Sink) -> None:
        """Connect, read on from the cursor, reconnect; until cancelled."""
        try:
            place = self._place = Place.of(self._account)
        except ValueError as error:
            await self._refuse(sink, str(error))
            return
        self._speaking = Speaking(place, self._timing, self._enter)
        self._reading = Reading(sink, self._account.cursor, self._own, self._timing)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._reading.run())
                group.create_task(self._connect_on(sink, place))
        finally:
            self._ready.clear()
            await self._speaking.close()

    async def _refuse(self, sink: Sink, why: str) -> None:
        """Stay as we are until somebody changes the account: trying again changes nothing."""
        self._refused = why
        self._ready.set()
        await _say(sink, "refused", why)
        await asyncio.Event().wait()

    async def _connect_on(self, sink: Sink, place: Place) -> None:
        patience = Patience(self._timing.first_wait_s, self._timing.longest_wait_s)
        loop = asyncio.get_running_loop()
        while True:
            await _say(sink, "connecting")
            begun = loop.time()
            try:
                why = await self._connect_once(sink, place)
            except TimeoutError:
                why = "the server did not let us in within the time"
            except OSError as error:  # before ValueError: a bad certificate is both
                why = str(error)[:300] or type(error).__name__
            except (RefusedError, ValueError) as error:
                await self._refuse(sink, str(error))
            if loop.time() - begun > self._timing.steady_s:
                patience.reset()
            await _say(sink, "waiting", why)
            await asyncio.sleep(patience.next_s())

    async def _connect_once(self, sink: Sink, place: Place) -> str:
        """Serve one connection to its end; gives why it ended."""
        assert self._reading is not None, "made before anything connects"
        assert self._speaking is not None, "made before anything connects"
        session = Session(place, self._timing, place.nick, self._reading.hear)
        await session.open()
        self._session = self._speaking.main = self._reading.session = session
        closing = asyncio.create_task(session.closed())
        try:
            await asyncio.gather(*(self._try(room) for room in list(self._rooms.values())))
            if session.is_open:
                await _say(sink, "connected", _nick_note(session))
                self._ready.set()
                for room in list(self._rooms.values()):
                    self._keep(session, room)
                # Under a name that is no room.
                self._keepers[""] = asyncio.create_task(_follow_nick(sink, session))
            return await asyncio.shield(closing)
        finally:
            self._ready.clear()
            self._session = self._speaking.main = self._reading.session = None
            session.close()
            await _end(closing, *self._keepers.values())
            self._keepers.clear()

    # -- rooms ------------------------------------------------------------------------------------

    async def join(self, room: str) -> None:
        """Be in a room from now on; one that does not let us in is tried again and again."""
        self._rooms.setdefault(room.lower(), room)
        if self._session and self._session.is_open:
            await self._try(self._rooms[room.lower()])
            if self._session and self._ready.is_set():
                self._keep(self._session, self._rooms[room.lower()])

    async def _enter(self, room: str) -> None:
        """Be in a room on the connection that reads, with its gap filled."""
        name = self._rooms.setdefault(room.lower(), room)
        async with self._entering.setdefault(room.lower(), asyncio.Lock()):
            session, reading = self._session, self._reading
            if session is None or reading is None:
                raise ConnectionError("not connected")
            if room.lower() not in session.rooms:
                reading.hold(name)
                await session.join(name)
                await reading.fill(session, name)

    async def _try(self, room: str) -> None:
        try:
            await self._enter(room)
        except RoomError as error:
            logger.warning("%s of %s lets nobody in: %s", room, self._account.name, error)
        except ConnectionError as error:
            logger.info("%s of %s waits: %s", room, self._account.name, error)

    def _keep(self, session: Session, room: str) -> None:
        if room not in self._keepers:
            self._keepers[room] = asyncio.create_task(self._come_back(session, room))

    async def _come_back(self, session: Session, room: str) -> None:
        """Go in again where we were thrown out."""
        while session.is_open:
            await asyncio.sleep(self._timing.rejoin_s)
            if session.is_open and room.lower() not in session.rooms:
                await self._try(room)

    # -- the contract -----------------------------------------------------------------------------

    def caps(self) -> Caps:
        """Tell what it can do now. Edits and deletions are shown as lines of their own."""
        session = self._session
        has = session.caps if session else set()
        history = session is not None and session.has_history
        return Caps(
            idem=Idem.PROBE if history else Idem.NONE,
            history=history,
            reactions="message-tags" in has,
            multiline={MULTILINE, "batch"} <= has,
            max_bytes=LINE_BYTES - MASK_BYTES,
            rate_per_s=self._place.rate_per_s if self._place else RATE_PER_S,
            burst=self._place.burst if self._place else BURST,
        )

    async def ready(self) -> None:
        """Wait until it is in its rooms, or refused, which a sending then says."""
        await self._ready.wait()

    def render(self, op: OutOp) -> list[Part]:
        """Make the parts of an op, the same on every server."""
        return render(op)

    async def send(self, op: OutOp, part: Part) -> Result:
        """Say one part, and wait for the server's word on it."""
        if self._refused:
            return Rejected("refused", self._refused, "account")
        if self._speaking is None:
            return Retry(RETRY_S, "not connected")
        result = await self._speaking.send(op, part)
        if isinstance(result, Sent) and result.remote_id:
            self._own.claimed.add(result.remote_id)
        return result

    async def probe(self, op: OutOp, part: Part) -> Landed | Missing:
        """Look in the history, where there is one, whether a part is there."""
        session, speaking = self._session, self._speaking
        if not session or not speaking or not session.has_history:
            return Missing.CANNOT_TELL
        try:
            await self._enter(op.room)
            whole = speaking.was_whole(op, part)
            found = await probe(session, op, part, self._own, whole=whole)
        except (ConnectionError, RoomError):
            return Missing.CANNOT_TELL
        if isinstance(found, Landed) and found.remote_id:
            self._own.claimed.add(found.remote_id)
        return found


async def _end(*tasks: "asyncio.Task[str] | asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _follow_nick(sink: Sink, session: Session) -> None:
    """Say when the server calls us by another nick."""
    while True:
        await session.renamed.wait()
        session.renamed.clear()
        await _say(sink, "connected", _nick_note(session))


def _nick_note(session: Session) -> str:
    if session.nick == session.wanted_nick:
        return ""
    return f"as {session.nick}: {session.wanted_nick} is taken, and asked for again"


async def _say(sink: Sink, state: State, why: str = "") -> None:
    try:
        await sink.state(state, why)
    except Exception:  # a state that is not stored changes nothing
        logger.warning("the state %s was not noted", state, exc_info=True)


@kind("irc")
def make(account: Account) -> Transport:
    """Make the transport of an account."""
    return Irc(account)
