"""Who says an op over there, and how: own connections, RELAYMSG, or one bot with names before."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from transports.base import OutOp, Part, Rejected, Result, Retry, Sent, Unknown
from transports.irc.wire import BadLineError

from .connection import LostError
from .entering import RefusedError
from .lines import RELAY, Voice, fits_whole, lines_of, name_of, nick_of
from .place import Place, Timing
from .render import render
from .session import NotSentError, RoomError, Session
from .verdict import verdict

RETRY_S = 2.0
MAX_REMEMBERED = 1_000
DEFAULT_NICK_CHARS = 9  # what servers take that name no limit
RELAY_TAIL = "agent"  # a relayed nick must hold the server's separator

logger = logging.getLogger(__name__)


class Speaking:
    """The voices of one account. `main` is the connection that reads; None while there is none."""

    def __init__(
        self, place: Place, timing: Timing, enter: Callable[[str], Awaitable[None]]
    ) -> None:
        self.main: Session | None = None
        self._enter = enter
        self._place, self._timing = place, timing
        self._others: dict[str, Session] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._watching: set[asyncio.Task[None]] = set()
        self._full_until = 0.0
        self._unrelayed: set[str] = set()
        self._whole: OrderedDict[UUID, bool] = OrderedDict()

    def nicks(self) -> set[str]:
        """Give the nicks that are ours now."""
        sessions = [*self._others.values(), *([self.main] if self.main else [])]
        return {session.nick for session in sessions}

    async def close(self) -> None:
        """End the connections of single speakers."""
        for task in list(self._watching):
            task.cancel()
        for session in list(self._others.values()):
            session.close()
        self._others.clear()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def send(self, op: OutOp, part: Part) -> Result:
        """Say a part in the best voice; one that is refused is followed by the next."""
        result: Result = Retry(RETRY_S, "not connected")
        async for voice in self._voices(op, part):
            result = await self._say(op, part, voice)
            if not isinstance(result, Rejected):
                return result
            if voice.relay:
                self._unrelayed.add(op.room.lower())
        return result

    async def _voices(self, op: OutOp, part: Part) -> AsyncIterator[Voice]:
        main, name = self.main, op.speaker.name
        if main is None:
            return
        is_text = part.body["do"] == "say"
        if self._place.identities == "connections" and (other := await self._other(main, name)):
            yield Voice(other)
        separators = main.cap_value(RELAY)
        may_relay = RELAY in main.caps and op.room.lower() not in self._unrelayed
        if self._place.identities != "prefix" and may_relay and is_text:
            longest = _longest_nick(main) - len(RELAY_TAIL) - 1
            separator = next(iter(separators), "/")[:1]
            relay = f"{nick_of(name, longest)}{separator}{RELAY_TAIL}"
            yield Voice(main, relay=relay)
        yield Voice(main, name=name_of(part))

    async def _say(self, op: OutOp, part: Part, voice: Voice) -> Result:
        try:
            if voice.session is self.main:
                await self._enter(op.room)
            else:
                await voice.session.join(op.room)
        except RoomError as error:
            return Rejected(error.code, str(error), "channel")
        except ConnectionError as error:
            return Retry(RETRY_S, str(error))
        return await self._give(op, part, voice)

    async def _give(self, op: OutOp, part: Part, voice: Voice) -> Result:
        is_whole = self.is_whole(op, part, voice)
        if is_whole and part.number:
            return Sent("")  # it was in the batch of the first part
        try:
            lines = lines_of(op.id, part, voice, whole=is_whole)
            return verdict(await voice.session.ask(lines)) if lines else Sent("")
        except NotSentError as error:
            return Retry(RETRY_S, str(error))
        except LostError as error:
            return Unknown(str(error))
        except BadLineError as error:
            return Rejected("line.bad", str(error))

    def is_whole(self, op: OutOp, part: Part, voice: Voice) -> bool:
        """Choose once for all parts of an op whether it goes as one batch."""
        if part.number and op.id in self._whole:
            return self._whole[op.id]
        first = part if part.number == 0 else render(op)[0]
        self._whole[op.id] = fits_whole(first, replace(voice, name=name_of(part)))
        self._whole.move_to_end(op.id)
        if len(self._whole) > MAX_REMEMBERED:
            self._whole.popitem(last=False)
        return self._whole[op.id]

    def was_whole(self, op: OutOp, part: Part) -> bool:
        """Tell whether an op went, or would go, as one batch of the connection that reads."""
        return self.main is not None and self.is_whole(op, part, Voice(self.main))

    # -- connections of single speakers -----------------------------------------------------------

    async def _other(self, main: Session, name: str) -> Session | None:
        """Give a speaker's own connection, opened if there may be one more."""
        async with self._opening.setdefault(name, asyncio.Lock()):
            found = self._others.get(name)
            if found and found.is_open:
                return found
            now = asyncio.get_running_loop().time()
            if (
                len(self._others.keys() - {name}) >= self._place.max_connections
                or now < self._full_until
            ):
                return None
            return await self._open(main, name)

    async def _open(self, main: Session, name: str) -> Session | None:
        wanted = nick_of(name, _longest_nick(main) - 2)
        session = Session(self._place, self._timing, wanted, lambda _: None)
        self._others[name] = session
        try:
            await session.open()
            _check_nick(session, main)
        except asyncio.CancelledError:
            self._others.pop(name, None)
            raise
        except (OSError, RefusedError, ValueError) as error:
            session.close()
            self._others.pop(name, None)
            self._full_until = asyncio.get_running_loop().time() + self._timing.full_s
            logger.warning("no own connection for %s, and no more for now: %s", wanted, error)
            return None
        task = asyncio.create_task(self._watch(name, session))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)
        return session

    async def _watch(self, name: str, session: Session) -> None:
        try:
            await session.closed()
        finally:
            session.close()
            if self._others.get(name) is session:
                del self._others[name]


def _check_nick(session: Session, main: Session) -> None:
    """Raise RefusedError when the server chose the nick: then it is nobody's own."""
    is_like = session.nick.lower().startswith(session.wanted_nick[:6].lower())
    if not is_like or session.nick == main.nick:
        raise RefusedError(f"the server gave {session.nick} for {session.wanted_nick}")


def _longest_nick(session: Session) -> int:
    told = session.supports("NICKLEN")
    return min(int(told), 30) if told.isdecimal() and int(told) > 6 else DEFAULT_NICK_CHARS
