"""Where rooms are: a room is "stream/topic" as it was bound, wherever people moved it since."""

import json
from collections.abc import Iterable, Mapping

Place = tuple[str, str]


class Rooms:
    """Which stream and topic each bound room is now. Names differ in more than their case."""

    def __init__(self, rooms: Iterable[str], moved: Mapping[str, str]) -> None:
        self._places: dict[str, Place] = {}
        self._rooms: dict[Place, str] = {}
        for room in rooms:
            self.add(room, moved.get(room, room))

    def add(self, room: str, now_at: str = "") -> bool:
        """Bind a room; False when it is bound already or its name is none."""
        stream, slash, topic = (now_at or room).partition("/")
        if room in self._places or not (stream and slash and topic):
            return False
        self._put(room, (stream, topic))
        return True

    def place(self, room: str) -> Place | None:
        """Tell the stream and the topic of a room."""
        return self._places.get(room)

    def at(self, stream: str, topic: str) -> str:
        """Name the room there; empty where none is bound."""
        return self._rooms.get(_key(stream, topic), "")

    def all(self) -> list[str]:
        """List the rooms as they were bound."""
        return list(self._places)

    def streams(self) -> list[str]:
        """List the streams of all rooms, each once."""
        return list({stream.casefold(): stream for stream, _ in self._places.values()}.values())

    def move(self, old: Place, new: Place) -> str:
        """Follow a topic to its new name or stream; gives the room that moved, if one did.

        Where another room is already, that one keeps what is said there.
        """
        room = self._rooms.pop(_key(*old), "")
        if room:
            self._put(room, new)
        return room

    def rename_stream(self, old: str, new: str) -> None:
        """Follow a stream to its new name."""
        for stream, topic in list(self._places.values()):
            if stream.casefold() == old.casefold():
                self.move((stream, topic), (new, topic))

    def moved(self) -> dict[str, str]:
        """Tell the rooms that are elsewhere than their name says, and where."""
        now = {room: "/".join(place) for room, place in self._places.items()}
        return {room: place for room, place in now.items() if place != room}

    def _put(self, room: str, place: Place) -> None:
        self._places[room] = place
        self._rooms.setdefault(_key(*place), room)


def _key(stream: str, topic: str) -> Place:
    return stream.casefold(), topic.casefold()


def write_cursor(last: int, floor: int, moved: Mapping[str, str]) -> str:
    """Write how far was read: the last message id, and behind it as JSON what a restart needs.

    Shape of that: `from`, the id before which nothing was ever taken; `moved`, rooms to places.
    """
    more: dict[str, object] = {"from": floor} if floor else {}
    if moved:
        more["moved"] = dict(moved)
    return f"{last} {json.dumps(more, ensure_ascii=False)}" if more else str(last)


def read_cursor(cursor: str | None) -> tuple[int | None, int, dict[str, str]]:
    """Read a cursor: last id, floor, moved rooms. What cannot be read is as if it were not."""
    first, _, rest = (cursor or "").partition(" ")
    if not first.isdecimal():
        return None, 0, {}
    try:
        more = json.loads(rest or "{}")
        moved = {str(room): str(place) for room, place in more.get("moved", {}).items()}
        return int(first), int(more.get("from", 0)), moved
    except (ValueError, AttributeError, TypeError):
        return int(first), 0, {}
