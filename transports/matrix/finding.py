"""What is looked for in a room: a forgotten sending of ours, a reaction to take back."""

from collections.abc import Iterator, Mapping
from typing import Any

from nio import Api, MessageDirection  # type: ignore[import-untyped]
from nio.api import RelationshipType  # type: ignore[import-untyped]

from transports.base import Landed, Missing, OutOp, Part

from .calls import Calls
from .wire import OP, PART

PAGE, MAX_PAGES = 100, 100


async def sending(
    calls: Calls, room_id: str, who: Mapping[str, str], user: str, wanted: tuple[OutOp, Part]
) -> Landed | Missing:
    """Read a room back until an op was made, for one of its parts. Raises RefusedError."""
    op, part = wanted
    begun_ms = op.said_at.timestamp() * 1000
    start: str | None = None
    for _ in range(MAX_PAGES):
        back = MessageDirection.back
        page = Api.room_messages("", room_id, start=start, direction=back, limit=PAGE)
        body = await calls.need(page, who)
        events = list(_events(body))
        for event in events:
            content = event["content"]
            mark = (event.get("sender"), content.get(OP), content.get(PART))
            if mark == (user, str(op.id), part.number):
                return Landed(str(event.get("event_id", "")))
        start = body.get("end")
        if not events or not start or _ms(events[-1]) < begun_ms:
            return Missing.ABSENT
    return Missing.CANNOT_TELL


async def reaction(
    calls: Calls, room_id: str, who: Mapping[str, str], user: str, part: Part
) -> str:
    """Find a user's reaction to a message; empty when there is none. Raises RefusedError."""
    event_id, key = str(part.body["event_id"]), part.body["key"]
    start: str | None = None
    for _ in range(MAX_PAGES):
        kind = RelationshipType.annotation
        page = Api.room_get_event_relations(
            "", room_id, event_id, kind, "m.reaction", paginate_from=start, limit=PAGE
        )
        body = await calls.need(page, who)
        for event in _events(body):
            relation = event["content"].get("m.relates_to")
            is_it = isinstance(relation, dict) and relation.get("key") == key
            if is_it and event.get("sender") == user:
                return str(event.get("event_id", ""))
        start = body.get("next_batch")
        if not start:
            break
    return ""


def _events(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for event in body.get("chunk", ()):
        if isinstance(event, dict) and isinstance(event.get("content"), dict):
            yield event


def _ms(event: Mapping[str, Any]) -> float:
    value = event.get("origin_server_ts")
    return value if isinstance(value, int) else 0
