"""BATCH: lines that belong together, gathered until their end; one batch may hold another.

Source: IRCv3 batch, draft/multiline.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from transports.irc.wire import Line

MAX_OPEN, MAX_ITEMS = 50, 2_000
MULTILINE = "draft/multiline"
CONCAT = "draft/multiline-concat"


@dataclass(slots=True)
class Batch:
    """A batch that was closed, or is being gathered."""

    kind: str
    params: tuple[str, ...]
    source: str
    tags: Mapping[str, str]
    parent: str = ""
    items: "list[Item]" = field(default_factory=list)

    def lines(self) -> Iterator[Line]:
        """Give all lines, those of batches inside too."""
        for item in self.items:
            if isinstance(item, Batch):
                yield from item.lines()
            else:
                yield item

    def find(self, kind: str) -> "Batch | None":
        """Give the batch of a kind: itself or one inside."""
        if self.kind == kind:
            return self
        inside = (item.find(kind) for item in self.items if isinstance(item, Batch))
        return next((found for found in inside if found), None)


Item = Line | Batch


class Collector:
    """Gathers batches; gives what is whole: single lines, and batches at their end."""

    def __init__(self) -> None:
        self._open: dict[str, Batch] = {}

    def take(self, line: Line) -> Item | None:
        """Give what is whole with this line, if anything is."""
        inside = line.tags.get("batch", "")
        if line.command == "BATCH" and line.param(0).startswith("+"):
            self._begin(line, inside)
            return None
        if line.command == "BATCH" and line.param(0).startswith("-"):
            return self._end(line.param(0)[1:])
        if inside in self._open:
            self._add(inside, line)
            return None
        return line

    def _begin(self, line: Line, inside: str) -> None:
        if len(self._open) >= MAX_OPEN:  # batches that never end are forgotten, the oldest first
            self._open.pop(next(iter(self._open)))
        parent = inside if inside in self._open else ""
        name = line.param(0)[1:]
        self._open[name] = Batch(line.param(1), line.params[2:], line.source, line.tags, parent)

    def _end(self, name: str) -> Item | None:
        batch = self._open.pop(name, None)
        if batch is None:
            return None
        whole = joined(batch) if batch.kind == MULTILINE else batch
        if batch.parent in self._open:
            self._add(batch.parent, whole)
            return None
        return whole

    def _add(self, name: str, item: Item) -> None:
        if len(self._open[name].items) < MAX_ITEMS:
            self._open[name].items.append(item)


def joined(batch: Batch) -> Line:
    """Make of a multiline batch one line, whose text holds line breaks: it is only to be read."""
    text, command = "", "PRIVMSG"
    for number, line in enumerate(batch.lines()):
        is_rest = CONCAT in line.tags or not number
        text += line.param(1) if is_rest else "\n" + line.param(1)
        command = line.command
    target = batch.params[0] if batch.params else ""
    return Line(command, (target, text), batch.source, batch.tags)
