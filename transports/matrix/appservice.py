"""Application-service mode: each speaker has a puppet, and events are pushed to the hub.

A device is named on every call: without it a homeserver forgets transaction ids when it restarts.
Source: Matrix application-service API 1.11 (identity assertion); Synapse 1.163, see `push`.
"""

import asyncio
from collections.abc import Mapping

from nio import Api  # type: ignore[import-untyped]

from transports.base import Rejected, Retry, Sink, Speaker

from .calls import RETRY_S, Answer, Call, Calls, LostError, RefusedError, before, call
from .names import Names

DEVICE = "PARLEY"
LOGIN = "m.login.application_service"
LOOK_S = 60.0  # how often it is looked whether the homeserver still takes the token


class Appservice:
    """The puppets of an account: registered, named and joined when they first speak."""

    def __init__(self, calls: Calls, names: Names, down: asyncio.Event) -> None:
        self._calls = calls
        self._names = names
        self._down = down
        self._made: set[str] = set()
        self._joined: set[tuple[str, str]] = set()
        self._making = asyncio.Lock()

    def _as(self, user: str) -> dict[str, str]:
        return {"user_id": user, "device_id": DEVICE}

    def own(self) -> Mapping[str, str]:
        """Give whom to call as the account itself."""
        return self._as(self._names.user)

    def user_of(self, speaker: Speaker) -> str:
        """Give the user that speaks for somebody."""
        return self._names.puppet(speaker.name)

    async def connect(self) -> None:
        """Be the account's own user. Raises RefusedError."""
        await self._make(self._names.user, "Parley")

    async def speaks(self, speaker: Speaker, room_id: str) -> Mapping[str, str]:
        """Have the speaker's puppet in the room; gives whom to call as. Raises RefusedError."""
        user = self._names.puppet(speaker.name)
        if user not in self._made or (user, room_id) not in self._joined:
            async with self._making:
                if user not in self._made:
                    await self._make(user, speaker.name)
                if (user, room_id) not in self._joined:
                    await self._enter(user, room_id)
        return self._as(user)

    def forget(self, speaker: Speaker, room_id: str) -> None:
        """Look again before the puppet speaks next: it was refused."""
        user = self._names.puppet(speaker.name)
        self._made.discard(user)
        self._joined.discard((user, room_id))

    async def _make(self, user: str, name: str) -> None:
        """Register a user and its device, unless both are there, and name it."""
        answer = await self._asked(Api.whoami(""), self._as(user))
        if answer.code in {"M_FORBIDDEN", "M_UNKNOWN_DEVICE"}:
            await self._register(user)
        elif not answer.is_good:
            raise RefusedError(before(answer))
        await self._name(user, name)
        self._made.add(user)

    async def _name(self, user: str, name: str) -> None:
        """Show a name, where the homeserver lets users have one; without it the id is shown."""
        named = await self._asked(Api.profile_get_displayname(user), self._as(user))
        if named.body.get("displayname") == name:
            return
        wanted = Api.profile_set_displayname("", user, name)
        answer = await self._asked(wanted, self._as(user))
        if not answer.is_good and answer.code != "M_FORBIDDEN":
            raise RefusedError(before(answer))

    async def _register(self, user: str) -> None:
        local = user.removeprefix("@").partition(":")[0]
        wanted = {"type": LOGIN, "username": local, "inhibit_login": True}
        answer = await self._asked(call("POST", "/_matrix/client/v3/register", wanted))
        if not answer.is_good and answer.code != "M_USER_IN_USE":
            raise RefusedError(before(answer))
        login = {
            "type": LOGIN,
            "identifier": {"type": "m.id.user", "user": local},
            "device_id": DEVICE,
            "initial_device_display_name": "Parley",
        }
        await self._calls.need(Api.login_raw(login))

    async def _enter(self, user: str, room_id: str) -> None:
        """Join a puppet, invited where that is needed; one that was put out waits to be invited."""
        member = Api.room_get_state_event("", room_id, "m.room.member", user)
        answer = await self._asked(member, self.own())
        membership = answer.body.get("membership") if answer.is_good else None
        if not answer.is_good and answer.status != 404:
            raise RefusedError(before(answer))
        if membership in {"leave", "ban"}:
            words = "the puppet was put out of the room; invite it again"
            raise RefusedError(Rejected("M_FORBIDDEN", words, "channel"))
        if membership != "join":
            await self._join(user, room_id)
        self._joined.add((user, room_id))

    async def _join(self, user: str, room_id: str) -> None:
        answer = await self._asked(Api.join("", room_id), self._as(user))
        if answer.code == "M_FORBIDDEN":
            invite = Api.room_invite("", room_id, user)
            await self._calls.need(invite, self.own())
            answer = await self._asked(Api.join("", room_id), self._as(user))
        if not answer.is_good:
            raise RefusedError(before(answer))

    async def _asked(self, wanted: Call, who: Mapping[str, str] | None = None) -> Answer:
        try:
            return await self._calls.ask(wanted, who)
        except LostError as error:
            raise RefusedError(Retry(RETRY_S, str(error))) from None

    async def listen(self, sink: Sink) -> None:  # noqa: ARG002 - events come by `push`
        """Look now and then whether the token is good, until something is wrong.

        Raises RefusedError.
        """
        while not self._down.is_set():
            try:
                await asyncio.wait_for(self._down.wait(), LOOK_S)
            except TimeoutError:
                await self._calls.need(Api.whoami(""), self.own())
