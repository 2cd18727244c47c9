"""What was said while nobody listened: CHATHISTORY, and how far each room was read.

Source: IRCv3 draft/chathistory.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from transports.irc.wire import Line

from .batches import Batch
from .session import Session

PAGE, MAX_PAGES = 100, 200
OVERLAP = timedelta(seconds=1)  # times are rounded, so the last second is read again


class HistoryError(Exception):
    """The server does not tell what was said before."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a room was read: the last message's id, where there are ids, and its time."""

    id: str
    at: datetime


def load(cursor: str | None) -> dict[str, Mark]:
    """Read the marks of all rooms; what cannot be read counts as nothing."""
    try:
        found = json.loads(cursor or "{}")
        return {
            str(room): Mark(str(id_), datetime.fromisoformat(at))
            for room, (id_, at) in found.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}


def dump(marks: dict[str, Mark]) -> str:
    """Write the marks of all rooms: a JSON object of [id, time] by room."""
    rows = {room: [mark.id, mark.at.isoformat()] for room, mark in sorted(marks.items())}
    return json.dumps(rows, separators=(",", ":"))


def stamp(at: datetime) -> str:
    """Write a moment as the server does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


async def pages(session: Session, room: str, after: datetime) -> AsyncIterator[list[Line]]:
    """Read what was said after a moment, oldest first.

    Raises HistoryError, also when it does not end; NotSentError and LostError with the connection.
    """
    told = session.supports("CHATHISTORY")
    limit = min(PAGE, int(told)) if told.isdecimal() and int(told) else PAGE
    bound, seen = f"timestamp={stamp(after)}", set[str]()
    for _ in range(MAX_PAGES):
        page = await _page(session, ("AFTER", room, bound, str(limit)))
        if not page:
            return
        yield page
        last = page[-1].tags
        bound = f"msgid={last['msgid']}" if "msgid" in last else f"timestamp={last.get('time')}"
        if bound in seen:
            return
        seen.add(bound)
    raise HistoryError("there is more than can be read")


async def reaches(session: Session, room: str, before: datetime) -> bool:
    """Tell whether the history goes back beyond a moment: then what it lacks after it, is not."""
    return bool(await _page(session, ("BEFORE", room, f"timestamp={stamp(before)}", "1")))


async def _page(session: Session, params: tuple[str, ...]) -> list[Line]:
    answer = await session.ask([Line("CHATHISTORY", params)])
    for item in answer:
        if isinstance(item, Batch) and (found := item.find("chathistory")):
            return list(found.lines())
        if isinstance(item, Line) and (item.command == "FAIL" or item.command.startswith("4")):
            raise HistoryError(" ".join(item.params)[:200])
    return []
