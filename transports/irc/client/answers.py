"""Who waits for which answer: labels where the server knows them, else a PING behind each line.

Source: IRCv3 labeled-response; servers answer in order, so a line without an error before the PONG
that follows it was taken.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from transports.irc.wire import Line

from .batches import Batch, Item
from .connection import LostError

ERRORS = {
    "263", "401", "403", "404", "405", "407", "408", "411", "412", "413", "414", "415", "416",
    "417", "421", "437", "439", "442", "461", "471", "473", "474", "475", "477", "480", "481",
    "482", "489", "531", "573", "FAIL",
}  # fmt: skip
# These name no room, so they are about what was sent last.
NAMELESS = {"263", "411", "412", "417", "421", "461", "FAIL"}
Answer = list[Item]


@dataclass(slots=True)
class _Fence:
    token: str
    target: str
    errors: Answer = field(default_factory=list)
    passed: "asyncio.Future[Answer]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Answers:
    """The questions of one connection that have no answer yet."""

    def __init__(self) -> None:
        self._labels: dict[str, asyncio.Future[Answer]] = {}
        self._fences: deque[_Fence] = deque()
        self._count = 0

    def labelled(self, lines: Sequence[Line]) -> tuple[list[Line], "asyncio.Future[Answer]"]:
        """Give lines, the first with a label, and what will be the answer to them."""
        label = self._next("p")
        self._labels[label] = asyncio.get_running_loop().create_future()
        first = replace(lines[0], tags={**lines[0].tags, "label": label})
        return [first, *lines[1:]], self._labels[label]

    def fenced(self, lines: Sequence[Line]) -> tuple[list[Line], "asyncio.Future[Answer]"]:
        """Give lines with a PING behind them, and what will be the errors before its PONG."""
        fence = _Fence(self._next("F"), lines[0].param(0).lower())
        self._fences.append(fence)
        return [*lines, Line("PING", (fence.token,))], fence.passed

    def _next(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def take(self, item: Item) -> bool:
        """Take what the server sent; tells whether it was an answer to something."""
        waiting = self._labels.pop(item.tags.get("label", ""), None)
        if waiting is not None:
            is_wrapped = isinstance(item, Batch) and item.kind == "labeled-response"
            answer = item.items if isinstance(item, Batch) and is_wrapped else [item]
            if not waiting.done():
                waiting.set_result(answer)
            return True
        if isinstance(item, Batch) or not self._fences:
            return False
        if item.command in ERRORS:
            return self._error(self._fences[0], item)
        return item.command == "PONG" and self._pong(item.params[-1] if item.params else "")

    def _error(self, fence: _Fence, line: Line) -> bool:
        is_its = fence.target in (param.lower() for param in line.params)
        if is_its or line.command in NAMELESS:
            fence.errors.append(line)
            return True
        return False

    def _pong(self, token: str) -> bool:
        if token not in {fence.token for fence in self._fences}:
            return False
        while True:
            fence = self._fences.popleft()
            if not fence.passed.done():
                fence.passed.set_result(fence.errors)
            if fence.token == token:
                return True

    def lose(self, why: str) -> None:
        """Tell all who wait that no answer will come."""
        waiting = [*self._labels.values(), *(fence.passed for fence in self._fences)]
        self._labels.clear()
        self._fences.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(LostError(why))
                future.exception()  # nobody may wait any more: that is no fault to report
