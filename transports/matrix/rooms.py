"""The rooms of an account, by the name they were bound under and by their id."""


class Rooms:
    """What is known of rooms: their ids, and whether they are encrypted, which never ends."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._bound: dict[str, str] = {}
        self._encrypted: set[str] = set()

    def add(self, bound: str, room_id: str) -> None:
        """Note the id of a room that was bound by its id or an alias."""
        self._ids[bound] = room_id
        self._bound[room_id] = bound

    def id_of(self, bound: str) -> str:
        """Give a room's id; empty while it is not known."""
        return self._ids.get(bound, "")

    def bound_as(self, room_id: str) -> str:
        """Give the name that a room was bound under; empty for others."""
        return self._bound.get(room_id, "")

    def all_ids(self) -> tuple[str, ...]:
        """List the ids of the rooms we are in."""
        return tuple(self._bound)

    def encrypt(self, room_id: str) -> bool:
        """Note that a room is encrypted; tells whether that is new."""
        is_new = room_id not in self._encrypted
        self._encrypted.add(room_id)
        return is_new

    def is_encrypted(self, room_id: str) -> bool:
        """Tell whether a room was ever seen encrypted."""
        return room_id in self._encrypted
