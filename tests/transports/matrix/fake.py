"""A homeserver on loopback, as strict as Synapse where it matters, that fails when it is told to.

It keeps a transaction by who called (token and device) and its id, as Synapse does for 24 hours.
"""

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from .helping import AS_TOKEN, BOT_TOKEN

BOT = "@robot:localhost"
OWN = "@parley:localhost"
Event = dict[str, Any]
_BASE = re.compile(r"^/_matrix/client/v[13]")


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str, **others: Any) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"errcode": code, "error": f"{code} it is", **others}


class Room:
    """Who is in it, how they came to be, and what happened."""

    def __init__(self, *, is_public: bool = True) -> None:
        self.is_public = is_public
        self.members: dict[str, str] = {}
        self.state: dict[tuple[str, str], Event] = {}
        self.silenced: set[str] = set()


class Fake:
    """The homeserver. `faults` are taken one by one by the next sendings."""

    def __init__(self) -> None:
        self.url = ""
        self.users: dict[str, str] = {}
        self.devices: set[str] = set()
        self.tokens = {AS_TOKEN: "", BOT_TOKEN: BOT}
        self.rooms: dict[str, Room] = {"!r:localhost": Room()}
        self.aliases = {"#moon:localhost": "!r:localhost"}
        self.events: list[Event] = []
        self.transactions: dict[tuple[str, str, str], str] = {}
        self.faults: deque[str] = deque()
        self.calls: Counter[str] = Counter()
        self.asked_at: list[float] = []
        self.slot_s = 0.0
        self.free_at = 0.0
        self.batch = 50
        self.known_since = 0
        self.names_users = True
        self.refusals: dict[str, Refusal] = {}
        self._more = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self._more.set()
        assert self._runner
        await self._runner.cleanup()

    def add(
        self, kind: str, sender: str, content: Any, room: str = "!r:localhost", **more: Any
    ) -> str:
        """Let something happen in a room."""
        event_id = f"$e{len(self.events)}"
        when = {"origin_server_ts": int(time.time() * 1000)}
        event = {"event_id": event_id, "type": kind, "sender": sender, "room_id": room}
        self.events.append(event | when | {"content": content} | more)
        self._more.set()
        return event_id

    def say(self, text: str, sender: str = "@bob:localhost") -> str:
        return self.add("m.room.message", sender, {"msgtype": "m.text", "body": text})

    def encrypt(self, room: str = "!r:localhost") -> None:
        content = {"algorithm": "m.megolm.v1.aes-sha2"}
        self.rooms[room].state["m.room.encryption", ""] = content
        self.add("m.room.encryption", "@bob:localhost", content, state_key="")

    def bodies(self) -> list[str]:
        return [one["content"]["body"] for one in self.events if one["type"] == "m.room.message"]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = request.raw_path.partition("?")[0]
        path = [unquote(one) for one in _BASE.sub("", raw).strip("/").split("/")]
        name = path[2] if path[0] == "rooms" else path[0]
        self.calls[name] += 1
        self.asked_at.append(time.monotonic())
        try:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            assert "access_token" not in request.query, "a token stood in an address"
            caller = Caller(self, request, token)
            if name in self.refusals:
                raise self.refusals.pop(name)
            handler: Callable[[Caller, list[str]], Awaitable[Any]] = getattr(self, f"on_{name}")
            return web.json_response(await handler(caller, path[1:]))
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)

    async def on_account(self, caller: "Caller", _: list[str]) -> Any:
        caller.check()
        return {"user_id": caller.user or OWN}

    async def on_register(self, caller: "Caller", _: list[str]) -> Any:
        wanted = await caller.request.json()
        assert wanted["type"] == "m.login.application_service"
        user = f"@{wanted['username']}:localhost"
        if not user.startswith("@parley"):
            raise Refusal(400, "M_EXCLUSIVE")
        if user in self.users:
            raise Refusal(400, "M_USER_IN_USE")
        self.users[user] = ""
        return {"user_id": user}

    async def on_login(self, caller: "Caller", _: list[str]) -> Any:
        wanted = await caller.request.json()
        self.devices.add(f"@{wanted['identifier']['user']}:localhost {wanted['device_id']}")
        return {"access_token": "unused"}

    async def on_profile(self, caller: "Caller", path: list[str]) -> Any:
        if caller.request.method == "PUT":
            caller.check()
            if not self.names_users:
                raise Refusal(403, "M_FORBIDDEN")
            self.users[path[0]] = (await caller.request.json())["displayname"]
        return {"displayname": self.users.get(path[0], "")}

    async def on_directory(self, _: "Caller", path: list[str]) -> Any:
        if path[1] not in self.aliases:
            raise Refusal(404, "M_NOT_FOUND")
        return {"room_id": self.aliases[path[1]]}

    async def on_join(self, caller: "Caller", path: list[str]) -> Any:
        caller.check()
        room = self.rooms[path[0]]
        now = room.members.get(caller.user)
        if now == "ban" or not (room.is_public or now in {"invite", "join"}):
            raise Refusal(403, "M_FORBIDDEN")
        room.members[caller.user] = "join"
        return {"room_id": path[0]}

    async def on_invite(self, caller: "Caller", path: list[str]) -> Any:
        self._in(caller, path[0]).members[(await caller.request.json())["user_id"]] = "invite"
        return {}

    async def on_state(self, caller: "Caller", path: list[str]) -> Any:
        room, kind, key = self.rooms[path[0]], path[2], path[3] if len(path) > 3 else ""
        if kind == "m.room.member" and (caller.user == key or room.members.get(caller.user)):
            if key not in room.members or room.members[caller.user] == "invite":
                raise Refusal(*(403, "M_FORBIDDEN") if caller.user == key else (404, "M_NOT_FOUND"))
            return {"membership": room.members[key]}
        self._in(caller, path[0])
        if (kind, key) not in room.state:
            raise Refusal(404, "M_NOT_FOUND")
        return room.state[kind, key]

    def _in(self, caller: "Caller", room_id: str) -> Room:
        caller.check()
        room = self.rooms[room_id]
        if room.members.get(caller.user) != "join":
            raise Refusal(403, "M_FORBIDDEN")
        return room

    async def on_send(self, caller: "Caller", path: list[str]) -> Any:
        kind, txn = path[2], path[3]
        content = await caller.request.json()
        return await self._once(
            caller, path[0], txn, lambda: self._sent(caller, path[0], kind, content)
        )

    def _sent(self, caller: "Caller", room_id: str, kind: str, content: Any) -> str:
        if caller.user in self.rooms[room_id].silenced:
            raise Refusal(403, "M_FORBIDDEN")
        twins = [one for one in self.events if (one["sender"], one["type"]) == (caller.user, kind)]
        relation = content.get("m.relates_to")
        if kind == "m.reaction" and relation in [
            one["content"].get("m.relates_to") for one in twins
        ]:
            raise Refusal(400, "M_DUPLICATE_ANNOTATION")
        return self.add(kind, caller.user, content, room_id)

    async def on_redact(self, caller: "Caller", path: list[str]) -> Any:
        target, txn = path[2], path[3]
        content = await caller.request.json()

        def redact() -> str:
            found = [one for one in self.events if one["event_id"] == target]
            if not found:
                raise Refusal(404, "M_NOT_FOUND")
            if found[0]["sender"] != caller.user:
                raise Refusal(403, "M_FORBIDDEN")
            found[0]["content"] = {}
            return self.add("m.room.redaction", caller.user, content, path[0], redacts=target)

        return await self._once(caller, path[0], txn, redact)

    async def _once(self, caller: "Caller", room_id: str, txn: str, do: Callable[[], str]) -> Any:
        self._in(caller, room_id)
        fault = self.faults.popleft() if self.faults else ""
        if fault == "500 before":
            raise Refusal(500, "M_UNKNOWN")
        if self.slot_s and time.monotonic() < self.free_at:
            left_ms = int((self.free_at - time.monotonic()) * 1000) + 1
            raise Refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=left_ms)
        self.free_at = time.monotonic() + self.slot_s
        key = (caller.token, caller.device or caller.token, txn)
        if key not in self.transactions:
            self.transactions[key] = do()
        if fault == "500 after":
            raise Refusal(502, "M_UNKNOWN")
        if fault == "reset after":
            assert caller.request.transport
            caller.request.transport.abort()
        return {"event_id": self.transactions[key]}

    async def on_relations(self, caller: "Caller", path: list[str]) -> Any:
        self._in(caller, path[0])
        chunk = [
            one
            for one in self.events
            if one["content"].get("m.relates_to", {}).get("event_id") == path[2]
        ]
        return {"chunk": chunk}

    async def on_messages(self, caller: "Caller", path: list[str]) -> Any:
        self._in(caller, path[0])
        query = caller.request.query
        start = int(query["from"][1:]) if "from" in query else len(self.events)
        least = int(query["to"][1:]) if "to" in query else 0
        first = max(start - min(int(query["limit"]), self.batch), least)
        chunk = [one for one in self.events[first:start] if one["room_id"] == path[0]]
        return {"chunk": chunk[::-1], "start": f"s{start}"} | (
            {"end": f"s{first}"} if chunk else {}
        )

    async def on_sync(self, caller: "Caller", _: list[str]) -> Any:
        caller.check()
        query = caller.request.query
        since = int(query["since"][1:]) if "since" in query else 0
        if "since" in query and since < self.known_since:
            raise Refusal(400, "M_UNKNOWN")
        if "since" in query and since == len(self.events):
            self._more.clear()
            more = asyncio.ensure_future(self._more.wait())
            await asyncio.wait({more}, timeout=int(query["timeout"]) / 1000)
        if caller.token not in self.tokens:
            raise Refusal(401, "M_UNKNOWN_TOKEN")
        first = max(since, len(self.events) - self.batch)
        joined = {}
        for room_id, room in self.rooms.items():
            new = [dict(one) for one in self.events[first:] if one["room_id"] == room_id]
            if room.members.get(caller.user) == "join" and new:
                for one in new:
                    del one["room_id"]
                timeline = {"events": new, "limited": first > since, "prev_batch": f"s{first}"}
                joined[room_id] = {"timeline": timeline, "state": {"events": []}}
        return {"next_batch": f"s{len(self.events)}", "rooms": {"join": joined}}


class Caller:
    """Who calls: the token's user, or whom an application service names."""

    def __init__(self, fake: Fake, request: web.Request, token: str) -> None:
        if token not in fake.tokens:
            raise Refusal(401, "M_UNKNOWN_TOKEN")
        self.fake = fake
        self.request = request
        self.token = token
        self.user = fake.tokens[token] or request.query.get("user_id", "")
        self.device = request.query.get("device_id", "")

    def check(self) -> None:
        """Refuse an application service that names no user and device that are there."""
        if self.token != AS_TOKEN:
            return
        if self.user not in self.fake.users:
            raise Refusal(403, "M_FORBIDDEN")
        if f"{self.user} {self.device}" not in self.fake.devices:
            raise Refusal(400, "M_UNKNOWN_DEVICE")
