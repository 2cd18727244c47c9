"""Reading an account: register, read what was missed, poll; and again after each break."""

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from transports.base import InEvent, Sink, State, Wait

from .client import Bot, Reply
from .past import Past
from .reading import KNOWN_MAX, Reader
from .rooms import write_cursor
from .sending import Outbox, Waits, op_of
from .trouble import TroubleError, ask, trouble_of

EVENT_TYPES = ("message", "update_message", "delete_message", "reaction", "realm_user", "stream")
REGISTER = {
    "event_types": EVENT_TYPES,
    "fetch_event_types": ("message",),
    "apply_markdown": False,
    "all_public_streams": False,
    "client_capabilities": {"notification_settings_null": True, "bulk_message_deletion": True},
}
LEAVE_S = 2.0
STEPS_MAX = 30

logger = logging.getLogger(__name__)
Json = Mapping[str, Any]


class Inbox:
    """Reads by the main bot; `poller` is the same bot on connections of its own."""

    def __init__(
        self, main: Bot, poller: Bot, reader: Reader, outbox: Outbox, waits: Waits, wait: Wait
    ) -> None:
        self.ready = asyncio.Event()
        self._main, self._poller = main, poller
        self._reader, self._outbox = reader, outbox
        self._waits, self._wait = waits, wait
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._is_first, self._floor, self._floor_at = True, 0, time.time()
        self._cursor = ""
        self._state: State | None = None
        self._steps = 0
        self._last_event_id = -1
        self._sink: Sink | None = None

    def resume(self, last: int | None, floor: int) -> None:
        """Start from the last message that was read, if one was."""
        self._is_first = last is None
        self._outbox.last_id, self._floor = last or 0, floor

    async def run(self, sink: Sink) -> None:
        """Read until cancelled; what goes wrong is a state and a wait."""
        self._sink = sink
        await self._tell("connecting")
        try:
            while True:
                if await self._guarded(self._open(sink)):
                    await self._poll(sink)
        finally:
            self.ready.clear()
            if self._outbox.queue_id:  # ends the poll that waits in its thread
                gone = {"queue_id": self._outbox.queue_id}
                await self._main.call("DELETE", "events", gone, timeout_s=LEAVE_S)

    async def join(self, room: str) -> None:
        """Be in a room's stream too; while nothing is connected, the next opening does it."""
        if not self._reader.rooms.add(room) or not self.ready.is_set():
            return
        try:
            await self._subscribe([room])
        except TroubleError as trouble:
            logger.warning("Zulip: a room could not be joined: %s", trouble)

    async def _guarded(self, work: Coroutine[None, None, None]) -> bool:
        try:
            await work
        except TroubleError as trouble:
            await self._pause(trouble)
            return False
        except Exception:
            logger.exception("Reading from Zulip failed")
            await self._pause(TroubleError("waiting", "an error of Parley's own"))
            return False
        return True

    async def _pause(self, trouble: TroubleError) -> None:
        self.ready.clear()
        await self._tell(trouble.state, trouble.why)
        longest = self._waits.back_off_s * 2 ** min(self._steps, STEPS_MAX)
        self._steps += 1
        wait_s = min(longest, self._waits.back_off_max_s) * random.uniform(0.6, 1.0)  # noqa: S311
        await self._wait(max(wait_s, trouble.wait_s))

    async def _tell(self, state: State, why: str = "") -> None:
        if self._sink is None or state == self._state:
            return
        try:
            await self._sink.state(state, why)
            self._state = state
        except Exception:
            logger.exception("The state of a Zulip account could not be told")

    async def _open(self, sink: Sink) -> None:
        body = await ask(self._main, "POST", "register", REGISTER)
        self._outbox.queue_id = str(body["queue_id"])
        self._last_event_id = int(body["last_event_id"])
        await self._subscribe(self._reader.rooms.all())
        self._reader.learn_people((await ask(self._main, "GET", "users", {}))["members"])
        if self._is_first:
            self._outbox.last_id = self._floor = int(body["max_message_id"])
            self._floor_at = time.time()
            self._is_first = False
            await self._take(sink, [], [])
        else:
            await self._catch_up(sink)
        await self._calm()

    async def _calm(self) -> None:
        self._steps = 0
        await self._tell("connected")
        self.ready.set()

    async def _subscribe(self, rooms: Sequence[str]) -> None:
        """Be in the streams of rooms, and learn the streams' ids."""
        places = {room: self._reader.rooms.place(room) for room in rooms}
        streams = {place[0].casefold(): place[0] for place in places.values() if place}
        request = {
            "subscriptions": [{"name": stream} for stream in streams.values()],
            "authorization_errors_fatal": False,
        }
        reply = await self._main.call("POST", "users/me/subscriptions", request)
        if reply.status != 400 and not reply.ok:
            raise trouble_of(reply)
        refused = streams if not reply.ok else reply.body.get("unauthorized") or ()
        names = {stream.casefold() for stream in refused}
        for room, place in places.items():
            if self._sink and place and place[0].casefold() in names:
                await self._sink.gap(room, "the bot cannot read this room")
        listed = await ask(self._main, "GET", "users/me/subscriptions", {})
        self._reader.learn_streams(listed["subscriptions"])

    async def _catch_up(self, sink: Sink) -> None:
        past = Past(self._main, self._reader, start=self._outbox.last_id, floor=self._floor)
        async for messages in past.pages():
            events = past.events(messages, self._seen)
            await self._take(sink, events, messages)
        if past.is_limited:
            for room in self._reader.rooms.all():
                await sink.gap(room, "the server does not show older messages")

    async def _poll(self, sink: Sink) -> None:
        """Poll until the queue is lost."""
        has_read = False
        while True:
            request = {"queue_id": self._outbox.queue_id, "last_event_id": self._last_event_id}
            reply = await self._poller.call("GET", "events", request, timeout_s=self._waits.poll_s)
            if reply.ok:
                has_read = await self._guarded(self._read(sink, reply.body["events"])) or has_read
            elif reply.is_limited:
                await self._wait(max(reply.retry_after_s, self._waits.back_off_s))
            elif reply.status == 400 and not reply.is_refused_key:
                break  # the queue is gone, or what it knows of us
            else:
                await self._pause(trouble_of(reply))
        if not has_read:
            await self._wait(self._waits.back_off_s)

    async def _read(self, sink: Sink, events: Sequence[Json]) -> None:
        """Take events; until they are stored, the server keeps them."""
        made: list[InEvent] = []
        messages: list[Json] = []
        for event in events:
            try:
                made += await self._events_of(event)
                messages += [event["message"]] if event["type"] == "message" else []
            except (KeyError, TypeError, ValueError, OverflowError):
                logger.warning("An event of Zulip's cannot be read", exc_info=True)
        await self._take(sink, made, messages)
        self._last_event_id = max(
            [self._last_event_id, *(int(event.get("id", -1)) for event in events)]
        )
        await self._calm()

    async def _take(self, sink: Sink, events: Sequence[InEvent], messages: Sequence[Json]) -> None:
        last = max([self._outbox.last_id, *(int(one["id"]) for one in messages)])
        times = (float(one["timestamp"]) for one in messages)
        floor = 0 if max(times, default=0) > self._floor_at + Past.OVERLAP_S else self._floor
        cursor = write_cursor(last, floor, self._reader.rooms.moved())
        if events or cursor != self._cursor:
            await sink.take(events, cursor)
        self._outbox.last_id, self._floor, self._cursor = last, floor, cursor
        for one in messages:
            self._seen[int(one["id"])] = None
        while len(self._seen) > KNOWN_MAX:
            self._seen.popitem(last=False)

    async def _events_of(self, event: Json) -> list[InEvent]:
        match event["type"]:
            case "message":
                return await self._message(event)
            case "update_message":
                return await self._update(event)
            case "delete_message":
                return self._deletion(event)
            case "reaction":
                return await self._reaction(event)
            case "realm_user" if event.get("op") in {"add", "update"}:
                self._reader.learn_people([event["person"]])
            case "stream" if event.get("property") == "name":
                self._reader.rename_stream(int(event["stream_id"]), str(event["value"]))
        return []

    async def _message(self, event: Json) -> list[InEvent]:
        message, local_id = event["message"], str(event.get("local_message_id") or "")
        if local_id:
            await self._outbox.heard(local_id, str(message["id"]))
        if int(message["id"]) in self._seen:
            return []
        made = self._reader.message(message, op_id=op_of(local_id))
        return [made] if made else []

    async def _update(self, event: Json) -> list[InEvent]:
        if event.get("rendering_only"):
            return []
        self._reader.follow(event)
        if "content" not in event or self._reader.is_ours(int(event["user_id"])):
            return []
        number = int(event["message_id"])
        room = await self._room_of(number)
        at, content = int(event["edit_timestamp"]), str(event["content"])
        editor = int(event["user_id"])
        return [self._reader.edit(number, room, editor, content, at)] if room else []

    def _deletion(self, event: Json) -> list[InEvent]:
        made = []
        for number in event.get("message_ids") or [event["message_id"]]:
            room = self._reader.room_of(int(number))
            if room is None:
                room = self._reader.room_at(event.get("stream_id"), str(event.get("topic", "")))
            if room and str(number) not in self._outbox.deleted:
                made.append(self._reader.deletion(int(number), room))
        return made

    async def _reaction(self, event: Json) -> list[InEvent]:
        if self._reader.is_ours(int(event["user_id"])):
            return []
        room = await self._room_of(int(event["message_id"]))
        return [self._reader.reaction(event, room, self._outbox.queue_id)] if room else []

    async def _room_of(self, number: int) -> str:
        room = self._reader.room_of(number)
        if room is not None:
            return room
        reply: Reply = await self._main.call("GET", f"messages/{number}", {"apply_markdown": False})
        if reply.ok:
            return self._reader.place(reply.body["message"])
        if reply.status == 400:
            return ""
        raise trouble_of(reply)
