"""Giving parts to Zulip, and looking afterwards whether one that got no answer is there."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transports.base import Landed, Missing, OutOp, Part, Rejected, Result, Sent, Unknown, Wait

from .client import Bot, Reply, result_of
from .reading import Reader

REMEMBERED = 5_000
HISTORY = 200
CLOCKS_APART_S = 60
MAX_TOPIC_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long to wait for what, in seconds.

    `poll` must be longer than the server's heartbeat (55). `settle` is how long after its start
    a call that timed out may still be carried out: Zulip's workers are ended after 20.
    """

    call_s: float = 15.0
    poll_s: float = 90.0
    back_off_s: float = 1.0
    back_off_max_s: float = 300.0
    echo_s: float = 5.0
    settle_s: float = 25.0
    tries: int = 5


@dataclass(slots=True)
class _Attempt:
    """`after` is the last message id before the first sending; `until` when echoes may end."""

    after: int
    until: float


class Outbox:
    """Sends parts by the bots of their speakers."""

    def __init__(self, main: Bot, bots: Mapping[str, Bot], reader: Reader, waits: Waits) -> None:
        self.queue_id = ""
        self.last_id = 0
        self.deleted: OrderedDict[str, None] = OrderedDict()
        self._main, self._bots, self._reader, self._waits = main, bots, reader, waits
        self._attempts: OrderedDict[str, _Attempt] = OrderedDict()
        self._owners: OrderedDict[str, str] = OrderedDict()  # message ids to local ids
        self._echoed = asyncio.Condition()

    async def heard(self, local_id: str, message_id: str) -> None:
        """Learn from the queue that a sending of ours is there."""
        self._own(message_id, local_id)
        async with self._echoed:
            self._echoed.notify_all()

    async def send(self, op: OutOp, part: Part) -> Result:
        """Give one part to the server, once."""
        place = self._reader.rooms.place(op.room)
        if place is None or len(place[1]) > MAX_TOPIC_CHARS:
            return Rejected("room", f'"{op.room}" is no "stream/topic" that is bound', "channel")
        if part.body["do"] == "post":
            return await self._post(op, part, place)
        reply = await self._change(op, part)
        done = result_of(reply, is_main=self._bot(op, part) is self._main)
        if done is None or (part.body["do"] == "delete" and await self._is_gone(reply, part)):
            return Sent(str(part.body["id"]) if part.body["do"] == "edit" else "")
        if part.body["do"] == "delete" and not isinstance(done, Unknown):
            self.deleted.pop(str(part.body["id"]), None)
        return done

    async def _post(self, op: OutOp, part: Part, place: tuple[str, str]) -> Result:
        local_id, bot = _local_id(op, part), self._bot(op, part)
        attempt = self._attempts.setdefault(local_id, _Attempt(self.last_id, 0.0))
        started = time.monotonic()
        request = {
            "type": "stream",
            "to": self._reader.stream_id(place[0]) or place[0],
            "topic": place[1],
            "content": part.body["content"],
            "queue_id": self.queue_id or None,
            "local_id": local_id if self.queue_id else None,
        }
        reply = await bot.call("POST", "messages", request)
        result = result_of(reply, is_main=bot is self._main)
        if result is None:
            self._attempts.pop(local_id, None)
            self._own(str(reply.body["id"]), local_id)
            return Sent(str(reply.body["id"]))
        is_late = reply.outcome == "late"
        attempt.until = started + self._waits.settle_s if is_late else 0.0
        while len(self._attempts) > REMEMBERED:
            self._attempts.popitem(last=False)
        return result

    async def _change(self, op: OutOp, part: Part) -> Reply:
        body, bot = part.body, self._bot(op, part)
        url = f"messages/{body['id']}"
        match body["do"]:
            case "edit":
                return await bot.call("PATCH", url, {"content": body["content"]})
            case "delete":
                self.deleted[str(body["id"])] = None  # before its event can come
                while len(self.deleted) > REMEMBERED:
                    self.deleted.popitem(last=False)
                return await bot.call("DELETE", url, {})
            case did:
                method = "POST" if did == "react" else "DELETE"
                return await bot.call(method, f"{url}/reactions", {"emoji_name": body["emoji"]})

    async def _is_gone(self, reply: Reply, part: Part) -> bool:
        """Tell whether what could not be deleted is not there any more."""
        if reply.status != 400:
            return False
        seen = await self._main.call("GET", f"messages/{part.body['id']}", {})
        return seen.status == 400

    async def probe(
        self, op: OutOp, part: Part, *, ready: Callable[[], Awaitable[None]], wait: Wait
    ) -> Landed | Missing:
        """Look for a part. All but posts may be done twice, so those are absent."""
        if part.body["do"] != "post":
            return Missing.ABSENT
        local_id = _local_id(op, part)
        attempt = self._attempts.get(local_id)
        if attempt:
            left_s = max(attempt.until - time.monotonic(), self._waits.echo_s)
            if found := await self._echo(local_id, left_s):
                return Landed(found)
        else:
            # Sent by a process that ended: the server may be about to store it yet.
            await wait(self._waits.echo_s)
        for _ in range(self._waits.tries):
            await ready()
            reply = await self._history(op, part)
            if reply.ok:
                return self._found(op, part, attempt, reply.body)
            await wait(reply.retry_after_s if reply.is_limited else self._waits.back_off_s)
        return Missing.CANNOT_TELL

    async def _echo(self, local_id: str, wait_s: float) -> str:
        try:
            async with asyncio.timeout(wait_s), self._echoed:
                await self._echoed.wait_for(lambda: self._owned(local_id))
        except TimeoutError:
            pass
        return self._owned(local_id)

    async def _history(self, op: OutOp, part: Part) -> Reply:
        stream, topic = self._reader.rooms.place(op.room) or ("", "")
        narrow = [
            {"operator": "stream", "operand": self._reader.stream_id(stream) or stream},
            {"operator": "topic", "operand": topic},
            {"operator": "sender", "operand": self._bot(op, part).email},
        ]
        request = {
            "anchor": "newest",
            "num_before": HISTORY,
            "num_after": 0,
            "narrow": narrow,
            "apply_markdown": False,
        }
        return await self._main.call("GET", "messages", request)

    def _found(
        self, op: OutOp, part: Part, attempt: _Attempt | None, body: Mapping[str, Any]
    ) -> Landed | Missing:
        """Look among the bot's messages since the attempt, or since it was said."""
        if found := self._owned(_local_id(op, part)):
            return Landed(found)
        messages = body["messages"]
        since = op.said_at.timestamp() - CLOCKS_APART_S
        new = [
            one
            for one in messages
            if (one["id"] > attempt.after if attempt else one["timestamp"] >= since)
        ]
        content = str(part.body["content"])
        alike = [
            str(one["id"])
            for one in new
            if one["content"] == content and str(one["id"]) not in self._owners
        ]
        if len(alike) == 1:
            self._own(alike[0], _local_id(op, part))
            return Landed(alike[0])
        is_all = len(new) < len(messages) or body.get("found_oldest") or not messages
        return Missing.ABSENT if not alike and is_all else Missing.CANNOT_TELL

    def _bot(self, op: OutOp, part: Part) -> Bot:
        """Choose the bot: the author's for what is there already, else the speaker's."""
        is_change = part.body["do"] in {"edit", "delete"} and op.target
        name = op.target.author if is_change and op.target else op.speaker.name
        return self._bots.get(name, self._main)

    def _own(self, message_id: str, local_id: str) -> None:
        self._owners[message_id] = local_id
        while len(self._owners) > REMEMBERED:
            self._owners.popitem(last=False)

    def _owned(self, local_id: str) -> str:
        return next((one for one, owner in self._owners.items() if owner == local_id), "")


def _local_id(op: OutOp, part: Part) -> str:
    return f"{op.id}:{part.number}" if part.number else str(op.id)


def op_of(local_id: str) -> str:
    """Read the op's id from a local id."""
    return local_id.partition(":")[0]
