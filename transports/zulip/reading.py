"""What Zulip tells, read as what happened in bound rooms."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from transports.base import InEvent, Sender

from .emoji import emoji_of
from .rooms import Rooms
from .wire import answered, from_zulip, safe

KNOWN_MAX = 5_000
Json = Mapping[str, Any]


class Reader:
    """Reads messages and events; it knows people, streams and which messages are in which room."""

    def __init__(self, site: str, rooms: Rooms, bots: Mapping[str, str]) -> None:
        """Take the speakers by the e-mail addresses of their bots; the main bot's is ""."""
        self.rooms = rooms
        self._site = site
        self._bots = {email.casefold(): name for email, name in bots.items()}
        self._people: dict[int, Sender] = {}
        self._ours: dict[int, str] = {}
        self._names: dict[str, str] = {}
        self._streams: dict[int, str] = {}
        self._room_of: OrderedDict[int, str] = OrderedDict()

    def learn_people(self, people: Iterable[Json]) -> None:
        """Learn who is a bot, and which of them are ours."""
        for one in people:
            number = int(one["user_id"])
            before = self._people.get(number)
            name = safe(str(one.get("full_name") or (before.name if before else "")))
            is_bot = bool(one.get("is_bot", before.is_bot if before else False))
            self._people[number] = Sender(id=str(number), name=name, is_bot=is_bot)
            for email in (one.get("email"), one.get("delivery_email")):
                speaker = self._bots.get(str(email or "").casefold())
                if speaker is not None:
                    self._ours[number] = speaker
                    if speaker:
                        self._names[name] = self._names[str(number)] = speaker

    def learn_streams(self, streams: Iterable[Json]) -> None:
        """Learn the names of streams."""
        for one in streams:
            self._streams[int(one["stream_id"])] = str(one["name"])

    def rename_stream(self, number: int, name: str) -> None:
        """Learn a stream's new name; its rooms follow."""
        if old := self._streams.get(number):
            self.rooms.rename_stream(old, name)
        self._streams[number] = name

    def stream_id(self, name: str) -> int | None:
        """Look up a stream by its name."""
        wanted = name.casefold()
        return next((one for one, at in self._streams.items() if at.casefold() == wanted), None)

    def is_ours(self, number: int) -> bool:
        """Tell whether a user is one of our bots."""
        return number in self._ours

    def room_of(self, message_id: int) -> str | None:
        """Name the room of a message that was seen: empty for one in no room, None if unseen."""
        return self._room_of.get(message_id)

    def room_at(self, stream_id: object, topic: str) -> str:
        """Name the room at a stream's id and a topic; empty where none is bound."""
        stream = self._streams.get(int(str(stream_id or 0)), "")
        return self.rooms.at(stream, topic)

    def place(self, message: Json) -> str:
        """Name the room of a message, and keep it; empty for one in no bound room."""
        room = ""
        if message.get("type", "stream") in {"stream", "channel"}:
            self._streams[int(message["stream_id"])] = str(message["display_recipient"])
            room = self.rooms.at(str(message["display_recipient"]), str(message["subject"]))
        self._room_of[int(message["id"])] = room
        while len(self._room_of) > KNOWN_MAX:
            self._room_of.popitem(last=False)
        return room

    def message(self, message: Json, *, op_id: str = "") -> InEvent | None:
        """Read a message; None in no bound room, and for our own that carries no op."""
        room, sender_id = self.place(message), int(message["sender_id"])
        email = str(message.get("sender_email", "")).casefold()
        if op_id or email in self._bots:
            self._ours.setdefault(sender_id, self._bots.get(email, ""))
        if not room or (not op_id and self.is_ours(sender_id)):
            return None
        content = str(message["content"])
        return InEvent(
            kind="post",
            room=room,
            remote_id=str(message["id"]),
            sender=self._sender(sender_id, str(message.get("sender_full_name", ""))),
            at=_moment(message["timestamp"]),
            text=from_zulip(content, site=self._site, names=self._names),
            reply_to=answered(content),
            op_id=op_id,
            raw={"id": int(message["id"]), "topic": safe(str(message["subject"]))},
        )

    def edit(self, message_id: int, room: str, editor: int, content: str, at: int) -> InEvent:
        """Read a change of a message's text; its id is the same however it is learnt."""
        digest = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:8]
        return InEvent(
            kind="edit",
            room=room,
            remote_id=f"{message_id}:edit:{at}:{digest}",
            sender=self._sender(editor),
            at=_moment(at),
            text=from_zulip(content, site=self._site, names=self._names),
            target=str(message_id),
        )

    def edit_of(self, message: Json) -> InEvent | None:
        """Read from a message of the history that it was changed."""
        at, sender_id = message.get("last_edit_timestamp"), int(message["sender_id"])
        room = self.place(message)
        if not at or not room or self.is_ours(sender_id):
            return None
        return self.edit(int(message["id"]), room, sender_id, str(message["content"]), int(at))

    def deletion(self, message_id: int, room: str) -> InEvent:
        """Read that a message is gone; Zulip does not tell who did it."""
        return InEvent(
            kind="delete",
            room=room,
            remote_id=f"{message_id}:delete",
            sender=Sender(id="", name=""),
            at=datetime.now(UTC),
            target=str(message_id),
        )

    def reaction(self, event: Json, room: str, queue_id: str) -> InEvent:
        """Read a reaction that came or went; the same one may come again, so its id is the
        event's.
        """
        return InEvent(
            kind="react" if event["op"] == "add" else "unreact",
            room=room,
            remote_id=f"{event['message_id']}:react:{queue_id}:{event['id']}",
            sender=self._sender(int(event["user_id"])),
            at=datetime.now(UTC),
            target=str(event["message_id"]),
            emoji=emoji_of(
                safe(str(event["emoji_name"])),
                str(event.get("emoji_code", "")),
                str(event.get("reaction_type", "")),
            ),
        )

    def follow(self, event: Json) -> str:
        """Follow a topic that a person renamed, resolved or moved; gives the room that moved.

        A single message that is moved takes no room with it.
        """
        is_whole = event.get("propagate_mode") in {"change_all", "change_later"}
        stream = self._streams.get(int(event.get("stream_id", 0)), "")
        if not is_whole or not stream or "orig_subject" not in event:
            return ""
        new_stream = self._streams.get(int(event.get("new_stream_id") or 0), stream)
        old = str(event["orig_subject"])
        return self.rooms.move((stream, old), (new_stream, str(event.get("subject", old))))

    def former_place(self, message: Json) -> tuple[str, str] | None:
        """Tell a bound topic that a message of the history was in before, if it is in none now."""
        stream = str(message.get("display_recipient", ""))
        if self.rooms.at(stream, str(message["subject"])):
            return None
        for change in message.get("edit_history") or ():
            topic = change.get("prev_topic")
            before = self._streams.get(int(change.get("prev_stream") or 0), stream)
            if (topic or before != stream) and self.rooms.at(before, topic or message["subject"]):
                return before, str(topic or message["subject"])
        return None

    def _sender(self, number: int, name: str = "") -> Sender:
        known = self._people.get(number)
        shown = safe(name) or (known.name if known else "")
        is_bot = self.is_ours(number) or (known.is_bot if known else False)
        return Sender(id=str(number), name=shown, is_bot=is_bot)


def _moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(str(seconds)), UTC)
