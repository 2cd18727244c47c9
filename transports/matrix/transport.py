"""The transport of Matrix: connects, keeps the account's rooms, sends parts and probes for them."""

import asyncio
import logging
import random
import time
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from nio import Api  # type: ignore[import-untyped]

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
    Unknown,
    Wait,
)

from . import finding
from .appservice import Appservice
from .bot import Bot
from .calls import RETRY_S, Answer, Call, Calls, DownError, LostError, RefusedError, call
from .names import names_of
from .pace import Pace
from .places import ENCRYPTED, Places, Voice, Who
from .rooms import Rooms
from .wire import REDACT, TAKE_BACK, parts_of

MAX_STEP_S = 300.0
KNOCK_S = 60.0
PROBES = 8
CALM_S = 60.0  # how long it must have worked, for trouble to be new trouble
REMEMBERED = timedelta(hours=20)  # a homeserver keeps transaction ids for 24 hours

logger = logging.getLogger(__name__)


class Matrix:
    """One account of one homeserver."""

    kind = "matrix"

    def __init__(self, account: Account, *, wait: Wait = asyncio.sleep) -> None:
        self._account = account
        self._names = names_of(account)
        self._rooms = Rooms()
        self._wanted: dict[str, Rejected | None] = dict.fromkeys(account.rooms)
        self._is_bot = not self._names.prefix
        token = _token(account, is_bot=self._is_bot)
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._calls = Calls(str(account.config["homeserver"]), token, gone=self._down.set)
        self._voice: Voice = (
            Bot(self._calls, self._names, self._rooms, account.cursor, self._down, wait=wait)
            if self._is_bot
            else Appservice(self._calls, self._names, self._down)
        )
        self._places = Places(self._calls, self._names, self._rooms, self._voice)
        self._pace = Pace()
        self._wait = wait
        self._refused: Rejected | None = None
        self._sink: Sink | None = None

    async def run(self, sink: Sink) -> None:
        """Connect, read, and after trouble try again, more and more rarely; until cancelled."""
        self._sink = sink
        steps, began_s = 0, time.monotonic()
        try:
            while True:
                try:
                    await self._connect(sink)
                    began_s = time.monotonic()
                    await self._listen(sink)
                except DownError:
                    trouble: Result = self._refused or Retry(RETRY_S, "the homeserver is gone")
                except RefusedError as error:
                    trouble = error.result
                except LostError as error:
                    trouble = Retry(RETRY_S, str(error))
                if time.monotonic() - began_s > CALM_S:
                    steps = 0
                began_s = time.monotonic()
                await self._tell(trouble, sink)
                await self._wait(_step_s(steps, trouble))
                steps += 1
        finally:
            self._up.clear()
            await self._calls.close()

    async def _connect(self, sink: Sink) -> None:
        self._down.clear()
        if self._refused is None:
            await sink.state("connecting")
        await self._voice.connect()
        self._refused = None
        for room in tuple(self._wanted):
            await self._try_enter(room)
        self._up.set()
        await sink.state("connected")

    async def _listen(self, sink: Sink) -> NoReturn:
        """Hear until something is wrong, and knock at the rooms that did not let us in."""
        knocking = asyncio.create_task(self._knock())
        try:
            await self._voice.listen(sink)
            raise DownError
        finally:
            knocking.cancel()
            await asyncio.gather(knocking, return_exceptions=True)

    async def _knock(self) -> None:
        while True:
            await asyncio.sleep(KNOCK_S)
            for room in tuple(self._wanted):
                await self.join(room)

    async def _tell(self, trouble: Result, sink: Sink) -> None:
        self._up.clear()
        if isinstance(trouble, Rejected):
            self._refused = trouble
            await sink.state("refused", f"{trouble.code} {trouble.detail}".strip())
        else:
            why = trouble.why if isinstance(trouble, Retry | Unknown) else ""
            await sink.state("waiting", why)

    def caps(self) -> Caps:
        """Tell what it can do now; a plain account is as fast as its homeserver lets it be."""
        rate = {"rate_per_s": self._pace.per_s, "burst": self._pace.burst} if self._is_bot else {}
        return Caps(
            idem=Idem.STRONG,
            history=self._is_bot,
            threads=True,
            edits=True,
            deletes=True,
            reactions=True,
            multiline=True,
            **rate,  # type: ignore[arg-type]
        )

    async def ready(self) -> None:
        """Wait until it is connected."""
        await self._up.wait()

    async def join(self, room: str) -> None:
        """Be in a room; one that does not let us in is tried again when something is said there."""
        self._wanted.setdefault(room, None)
        if self._up.is_set() and not self._rooms.id_of(room):
            try:
                await self._try_enter(room)
            except RefusedError as error:
                logger.info("%s cannot join %s now: %s", self._account.name, room, error)

    async def _try_enter(self, room: str) -> None:
        try:
            await self._places.enter(room)
        except RefusedError as error:
            if not isinstance(error.result, Rejected) or error.result.scope == "account":
                raise
            if self._wanted.get(room) != error.result:  # said once, though it is tried on
                logger.warning("%s cannot join %s: %s", self._account.name, room, error)
            self._wanted[room] = error.result

    def render(self, op: OutOp) -> list[Part]:
        """Make the parts of an op."""
        return parts_of(op, is_prefixed=self._is_bot)

    async def send(self, op: OutOp, part: Part) -> Result:
        """Give one part to the homeserver, unless it said that it wants none now."""
        if held := self._held():
            return held
        try:
            room_id, who = await self._places.place(op)
            wanted = await self._call(op, part, room_id, who)
        except RefusedError as error:
            return await self._noted(error.result)
        if wanted is None:
            return Sent("")
        try:
            answer = await self._calls.ask(wanted, who)
        except LostError as error:  # even if it could not connect: aiohttp may have tried before
            return Unknown(str(error))
        return await self._noted(await self._meant(op, part, answer))

    def _held(self) -> Result | None:
        """Tell why nothing may be asked now."""
        if self._refused:
            return self._refused
        if not self._up.is_set():
            return Retry(RETRY_S, "not connected")
        left_s = self._pace.left_s()
        return Retry(left_s, "the homeserver limits the rate") if left_s > 0 else None

    async def _call(self, op: OutOp, part: Part, room_id: str, who: Who) -> Call | None:
        """Make the call of a part; None for a reaction to take back that is not there."""
        txn = f"{op.id}.{part.number}"
        body, content = part.body, part.body["content"]
        assert isinstance(content, dict), "each part has a content"
        if body["type"] not in {REDACT, TAKE_BACK}:
            sending: Call = Api.room_send("", room_id, str(body["type"]), content, txn)
            return sending
        event_id = str(body["event_id"])
        if body["type"] == TAKE_BACK:
            user = self._voice.user_of(op.speaker)
            event_id = await finding.reaction(self._calls, room_id, who, user, part)
        if not event_id:
            return None
        method, path, _ = Api.room_redact("", room_id, event_id, txn)
        return call(method, path, content)

    async def _meant(self, op: OutOp, part: Part, answer: Answer) -> Result:
        """Tell what an answer to a sending means, and look again where it changes what we know."""
        is_redaction = part.body["type"] in {REDACT, TAKE_BACK}
        if answer.status == 429:
            self._pace.refused(answer.retry_after_s)
        elif answer.is_good:
            self._pace.taken()
        elif answer.code in {"M_FORBIDDEN", "M_UNKNOWN_DEVICE"}:
            self._places.forget(op)
        result = answer.result()
        if is_redaction and answer.code == "M_NOT_FOUND":
            return Sent("")
        if is_redaction and answer.code == "M_FORBIDDEN" and await self._places.is_in(op):
            return Rejected(answer.code, "it may not delete this", "op")
        return result

    async def _noted(self, result: Result) -> Result:
        """Have the account looked at again when a sending found that it does not work."""
        is_refused = isinstance(result, Rejected) and result.scope == "account"
        if is_refused and self._sink and not self._down.is_set():
            await self._tell(result, self._sink)
            self._down.set()
        return result

    async def probe(self, op: OutOp, part: Part) -> Landed | Missing:
        """Repeat the call, which the homeserver takes once; after a day, and once
        the room is encrypted, it is read instead.

        ABSENT is safe while it remembers: sending again cannot make a second one.
        """
        await self.ready()
        if datetime.now(UTC) - op.said_at < REMEMBERED:
            result = await self._repeated(op, part)
            if isinstance(result, Sent):
                return Landed(result.remote_id)
            if not isinstance(result, Rejected) or result.code != ENCRYPTED:
                return Missing.ABSENT
        try:
            return await self._found(op, part)
        except RefusedError:
            return Missing.CANNOT_TELL

    async def _repeated(self, op: OutOp, part: Part) -> Result:
        """Send again until there is an answer; a homeserver in trouble is asked more rarely."""
        result = await self.send(op, part)
        for step in range(PROBES):
            if not isinstance(result, Unknown):
                break
            await self._wait(_step_s(step, result))
            await self.ready()
            result = await self.send(op, part)
        return result

    async def _found(self, op: OutOp, part: Part) -> Landed | Missing:
        room_id, who = await self._places.come(op)
        wanted, user = (op, part), self._voice.user_of(op.speaker)
        return await finding.sending(self._calls, room_id, who, user, wanted)


def _step_s(steps: int, trouble: Result) -> float:
    """Give the time to the next try: twice as long each time, never the same for two accounts."""
    least_s = trouble.after_s if isinstance(trouble, Retry) and trouble.after_s > RETRY_S else 0.0
    grown_s = min(2.0 ** min(steps, 16), MAX_STEP_S)
    return max(least_s, grown_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load


def _token(account: Account, *, is_bot: bool) -> str:
    """Give the token that calls are made with. Raises ValueError for settings that cannot work."""
    mode = account.config.get("mode", "appservice")
    if mode not in {"appservice", "bot"}:
        raise ValueError("the mode is appservice or bot")
    if not str(account.config.get("homeserver", "")).startswith(("http://", "https://")):
        raise ValueError("the homeserver is an address that begins with http:// or https://")
    if not account.config.get("server_name"):
        raise ValueError("the server_name is missing")
    needed = ("access_token",) if is_bot else ("as_token", "hs_token")
    for name in needed:
        if not account.secrets.get(name):
            raise ValueError(f"the {name} is missing")
    return account.secrets[needed[0]]
