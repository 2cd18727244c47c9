"""Bot mode: one plain account speaks for all, and reads by a sync loop of our own.

A batch is stored before the next one is asked for. Source: Matrix client-server API 1.11, /sync.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from nio import Api, MessageDirection  # type: ignore[import-untyped]

from transports.base import InEvent, Rejected, Sink, Speaker, Wait

from .calls import TIMEOUT_S, Answer, Call, Calls, DownError, RefusedError, before
from .events import encrypts, read
from .names import Names
from .rooms import Rooms

POLL_S = 30.0
PAGE, MAX_PAGES = 100, 200
FRESH_PAGES, FRESH_AGE = 5, timedelta(hours=24)
CHUNK = 500
IDLE_S = 1.0
FILTER = {
    "presence": {"types": []},
    "account_data": {"types": []},
    "room": {
        "ephemeral": {"types": []},
        "account_data": {"types": []},
        "state": {"types": ["m.room.encryption"]},
        "timeline": {"limit": 50},
    },
}

logger = logging.getLogger(__name__)
Got = TypeVar("Got")


class Bot:
    """One account that reads from a cursor on."""

    def __init__(
        self,
        calls: Calls,
        names: Names,
        rooms: Rooms,
        cursor: str | None,
        down: asyncio.Event,
        *,
        wait: Wait,
    ) -> None:
        self._calls = calls
        self._names = names
        self._rooms = rooms
        self._cursor = cursor
        self._down = down
        self._wait = wait
        self._is_fresh = False

    async def connect(self) -> None:
        """See that the token is that of the account's user. Raises RefusedError."""
        body = await self._calls.need(Api.whoami(""))
        if body.get("user_id") != self._names.user:
            words = f"the token is not that of {self._names.user}"
            raise RefusedError(Rejected("parley.other_user", words, "account"))

    def own(self) -> Mapping[str, str]:
        """Call as the bot: its token says so."""
        return {}

    def user_of(self, speaker: Speaker) -> str:  # noqa: ARG002 - one user speaks for all
        """Give the user that speaks for everybody."""
        return self._names.user

    async def speaks(self, speaker: Speaker, room_id: str) -> Mapping[str, str]:  # noqa: ARG002
        """Speak as the bot itself."""
        return {}

    def forget(self, speaker: Speaker, room_id: str) -> None:
        """Keep nothing of speakers."""

    async def listen(self, sink: Sink) -> None:
        """Read until something is wrong. Raises RefusedError, LostError, DownError."""
        while True:
            await self.step(sink)

    async def step(self, sink: Sink) -> None:
        """Ask once what is new, fill what was left out, and store it all with the new cursor."""
        since = self._cursor
        timeout_ms = int(POLL_S * 1000) if since else 0
        sync = Api.sync("", since=since, timeout=timeout_ms, filter=FILTER, set_presence="offline")
        answer = await _unless(self._down, self._calls.ask(sync, timeout_s=POLL_S + TIMEOUT_S))
        if answer.status == 400 and since:
            logger.warning("the homeserver does not know the cursor of %s", self._names.user)
            self._cursor, self._is_fresh = None, True
            return
        if answer.status == 429:
            await self._wait(answer.retry_after_s)
            return
        next_batch = answer.body.get("next_batch")
        if not answer.is_good:
            raise RefusedError(before(answer))
        if not isinstance(next_batch, str) or next_batch == since:
            await self._wait(IDLE_S)
            return
        happened = await self._happened(answer.body, since, sink)
        await self._store(happened, next_batch, sink)

    async def _store(self, happened: Sequence[InEvent], next_batch: str, sink: Sink) -> None:
        """Give what happened to the sink in bounded pieces; the cursor goes on with the last."""
        *firsts, last = [
            happened[start : start + CHUNK] for start in range(0, max(len(happened), 1), CHUNK)
        ]
        for one in firsts:
            await sink.take(one, self._cursor)
        await sink.take(last, next_batch)
        self._cursor, self._is_fresh = next_batch, False

    async def _happened(
        self, body: Mapping[str, Any], since: str | None, sink: Sink
    ) -> list[InEvent]:
        joined = _mapping(_mapping(body.get("rooms")).get("join"))
        found: list[InEvent] = []
        for room_id in self._rooms.all_ids():
            room = _mapping(joined.get(room_id))
            timeline = _mapping(room.get("timeline"))
            events = _list(timeline.get("events"))
            states = _list(_mapping(room.get("state")).get("events"))
            if any(map(encrypts, [*states, *events])) and self._rooms.encrypt(room_id):
                words = "the room is encrypted: nothing can be read or sent"
                await sink.gap(self._rooms.bound_as(room_id), words)
            prev = timeline.get("prev_batch")
            if self._is_fresh:
                events = [*await self._last(room_id, prev, sink), *events]
            elif since is None:
                continue  # the first reading begins now
            elif timeline.get("limited"):
                older = await self._older(room_id, prev, since, sink)
                events = [*older, *events]
            found += self._read(room_id, events)
        return found

    def _read(self, room_id: str, events: Sequence[object]) -> list[InEvent]:
        bound = self._rooms.bound_as(room_id)
        return [one for event in events if (one := read(event, self._names, room=bound))]

    async def _older(self, room_id: str, prev: object, since: str, sink: Sink) -> list[object]:
        """Page back from a limited timeline to the cursor; oldest first."""
        pages, is_whole = await self._pages(room_id, prev, since=since, most=MAX_PAGES)
        if not is_whole:
            words = "too much happened while nothing was read; the oldest of it is missing"
            await sink.gap(self._rooms.bound_as(room_id), words)
        return pages[::-1]

    async def _last(self, room_id: str, prev: object, sink: Sink) -> list[object]:
        """Read the last day again, where the cursor is unknown; what is stored is known there."""
        words = "the homeserver does not know how far it was read; something may be missing"
        await sink.gap(self._rooms.bound_as(room_id), words)
        pages, _ = await self._pages(room_id, prev, since=None, most=FRESH_PAGES)
        oldest_ms = (datetime.now(UTC) - FRESH_AGE).timestamp() * 1000
        return [one for one in pages[::-1] if _ms(one) >= oldest_ms]

    async def _pages(
        self, room_id: str, start: object, *, since: str | None, most: int
    ) -> tuple[list[object], bool]:
        """Read back, newest first; tells too whether the end was reached."""
        events: list[object] = []
        for _ in range(most):
            if not isinstance(start, str):
                return events, True
            back = MessageDirection.back
            wanted = Api.room_messages(
                "", room_id, start=start, end=since, direction=back, limit=PAGE
            )
            answer = await self._patient(wanted)
            if answer.status in {403, 404}:  # we are out of the room
                return events, False
            if not answer.is_good:
                raise RefusedError(before(answer))
            chunk = _list(answer.body.get("chunk"))
            events += chunk
            if not chunk:
                return events, True
            start = answer.body.get("end")
        return events, not isinstance(start, str)

    async def _patient(self, wanted: Call) -> Answer:
        """Ask, and again as often as the homeserver says when."""
        while True:
            answer = await _unless(self._down, self._calls.ask(wanted))
            if answer.status != 429:
                return answer
            await self._wait(answer.retry_after_s)


async def _unless(down: asyncio.Event, work: Coroutine[Any, Any, Got]) -> Got:
    """Wait for an answer, but not longer than the account works."""
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(down.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise DownError
        return task.result()
    finally:
        stop.cancel()
        task.cancel()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _ms(event: object) -> float:
    value = _mapping(event).get("origin_server_ts")
    return value if isinstance(value, int) else 0
