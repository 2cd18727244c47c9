"""Being where something is to be said: in the room, as who says it, and the room not encrypted."""

from collections.abc import Mapping
from typing import Protocol

from nio import Api  # type: ignore[import-untyped]

from transports.base import OutOp, Rejected, Retry, Sink, Speaker

from .calls import RETRY_S, Answer, Call, Calls, LostError, RefusedError, before
from .events import ENCRYPTION
from .names import Names
from .rooms import Rooms

ENCRYPTED = "parley.encrypted"

Who = Mapping[str, str]


class Voice(Protocol):
    """A mode: who speaks, and how it is heard what others say."""

    def own(self) -> Who:
        """Give whom to call as the account itself."""
        ...

    def user_of(self, speaker: Speaker) -> str:
        """Give the user that speaks for somebody."""
        ...

    async def connect(self) -> None:
        """See that the account works. Raises RefusedError."""
        ...

    async def speaks(self, speaker: Speaker, room_id: str) -> Who:
        """Have the speaker in a room; gives whom to call as. Raises RefusedError."""
        ...

    def forget(self, speaker: Speaker, room_id: str) -> None:
        """Look again before it speaks next."""
        ...

    async def listen(self, sink: Sink) -> None:
        """Hear until something is wrong. Raises RefusedError, LostError, DownError."""
        ...


class Places:
    """The rooms of an account and who is in them."""

    def __init__(self, calls: Calls, names: Names, rooms: Rooms, voice: Voice) -> None:
        self._calls = calls
        self._names = names
        self._rooms = rooms
        self._voice = voice
        self._out: set[str] = set()

    async def enter(self, room: str) -> str:
        """Join the account itself; once put out, it waits to be invited. Raises RefusedError."""
        room_id = self._rooms.id_of(room) or room
        if room_id.startswith("#"):
            room_id = str((await self._calls.need(Api.room_resolve_alias(room))).get("room_id"))
        own = self._voice.own()
        member = Api.room_get_state_event("", room_id, "m.room.member", self._names.user)
        answer = await self._asked(member, own)
        membership = answer.body.get("membership") if answer.is_good else ""
        if membership in {"leave", "ban"}:
            words = f"{self._names.user} was put out of the room; invite it again"
            raise RefusedError(Rejected("M_FORBIDDEN", words, "channel"))
        if membership != "join":
            await self._calls.need(Api.join("", room_id), own)
        self._rooms.add(room, room_id)
        self._out.discard(room)
        return room_id

    async def come(self, op: OutOp) -> tuple[str, Who]:
        """Have the speaker in the op's room, encrypted or not. Raises RefusedError."""
        room_id = self._rooms.id_of(op.room)
        if not room_id or op.room in self._out:
            room_id = await self.enter(op.room)
        return room_id, await self._voice.speaks(op.speaker, room_id)

    async def place(self, op: OutOp) -> tuple[str, Who]:
        """Have the speaker in the op's room, which is not encrypted. Raises RefusedError."""
        room_id, who = await self.come(op)
        if not self._rooms.is_encrypted(room_id):
            answer = await self._asked(Api.room_get_state_event("", room_id, ENCRYPTION), who)
            if answer.is_good:
                self._rooms.encrypt(room_id)
            elif answer.status != 404:
                if answer.code in {"M_FORBIDDEN", "M_UNKNOWN_DEVICE"}:
                    self.forget(op)
                raise RefusedError(before(answer))
        if self._rooms.is_encrypted(room_id):
            words = "the room is encrypted, and nothing is sent into encrypted rooms"
            raise RefusedError(Rejected(ENCRYPTED, words, "channel"))
        return room_id, who

    def forget(self, op: OutOp) -> None:
        """Look again, before the speaker speaks next, whether it is in the room."""
        self._out.add(op.room)
        self._voice.forget(op.speaker, self._rooms.id_of(op.room))

    async def is_in(self, op: OutOp) -> bool:
        """Tell whether the speaker is in the room."""
        try:
            await self.come(op)
        except RefusedError:
            return False
        return True

    async def _asked(self, wanted: Call, who: Who) -> Answer:
        try:
            return await self._calls.ask(wanted, who)
        except LostError as error:
            raise RefusedError(Retry(RETRY_S, str(error))) from None
