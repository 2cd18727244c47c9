"""Reading what was said while nobody listened."""

from collections.abc import AsyncIterator, Container, Mapping, Sequence
from typing import Any, ClassVar

from transports.base import InEvent

from .client import Bot
from .reading import Reader
from .trouble import ask

PAGE = 500
Json = Mapping[str, Any]


class Past:
    """Messages from a little before the cursor on: a lower id may appear after a higher one."""

    OVERLAP: ClassVar = 50
    OVERLAP_S: ClassVar = 60

    def __init__(self, bot: Bot, reader: Reader, *, start: int, floor: int) -> None:
        """Read from `start`, and nothing up to `floor`, where the account began."""
        self.is_limited = False
        self._bot, self._reader = bot, reader
        self._start, self._floor = start, floor

    async def pages(self) -> AsyncIterator[Sequence[Json]]:
        """Give the messages, the oldest first. Raises TroubleError."""
        anchor, before, is_last = self._start, self.OVERLAP, False
        while not is_last:
            request = {
                "anchor": anchor,
                "num_before": before,
                "num_after": PAGE,
                "include_anchor": True,
                "apply_markdown": False,
            }
            body = await ask(self._bot, "GET", "messages", request)
            messages: Sequence[Json] = body["messages"]
            for message in messages:
                await self._follow(message)
            yield messages
            self.is_limited = self.is_limited or bool(body.get("history_limited"))
            newest = int(messages[-1]["id"]) if messages else anchor
            is_last = bool(body.get("found_newest")) or newest <= anchor
            anchor, before = newest, 0

    def events(self, messages: Sequence[Json], seen: Container[int]) -> list[InEvent]:
        """Read what is new of a page, and the changes of what may be known."""
        known = [float(one["timestamp"]) for one in messages if one["id"] <= self._start]
        oldest = max(known, default=0.0) - self.OVERLAP_S
        made: list[InEvent | None] = []
        for one in messages:
            is_overlap = one["id"] <= self._start
            if is_overlap and (one["id"] <= self._floor or one["timestamp"] < oldest):
                continue
            if one["id"] not in seen:
                made.append(self._reader.message(one))
            if is_overlap:
                made.append(self._reader.edit_of(one))
        return [event for event in made if event]

    async def _follow(self, message: Json) -> None:
        """Follow a topic that moved meanwhile, if nothing is left where it was."""
        if message.get("type") != "stream" or not (old := self._reader.former_place(message)):
            return
        narrow = [
            {"operator": "stream", "operand": old[0]},
            {"operator": "topic", "operand": old[1]},
        ]
        request = {"anchor": "newest", "num_before": 1, "num_after": 0, "narrow": narrow}
        left = await ask(self._bot, "GET", "messages", request)
        if not left["messages"]:
            self._reader.rooms.move(old, (message["display_recipient"], message["subject"]))
