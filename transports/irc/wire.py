"""One line of IRC: read from any bytes without fail, written only when it is one line.

Source: RFC 1459 2.3, IRCv3 message-tags.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hub.text import storable

MAX_BODY_BYTES = 512
MAX_TAGS_BYTES = 8_191
MAX_LINE_BYTES = MAX_TAGS_BYTES + MAX_BODY_BYTES

_COMMAND = re.compile(r"[A-Z]{1,20}|[0-9]{3}")
_BREAKS = re.compile(r"[\x00\r\n]")
_KEY = re.compile(r"\+?[A-Za-z0-9./-]{1,100}")
_ESCAPES = {";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n"}
_MEANINGS = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


class BadLineError(ValueError):
    """What was to be written is not one line of IRC."""


class TooLongError(BadLineError):
    """A line, or its tags, over the limit of bytes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"{size} bytes are more than {limit}")
        self.size = size
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Line:
    """A message of the protocol; only the last parameter may hold spaces or be empty."""

    command: str
    params: tuple[str, ...] = ()
    source: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def param(self, place: int) -> str:
        """Give a parameter, or nothing where there is none."""
        return self.params[place] if place < len(self.params) else ""

    def encode(self) -> bytes:
        r"""Write the line with its CR LF: the only way from text to the wire.

        Raises BadLineError for what would be another line or another parameter, TooLongError over
        512 bytes (8,191 of tags).
        """
        words = [f":{_middle(self.source)}"] if self.source else []
        if not _COMMAND.fullmatch(self.command):
            raise BadLineError(f"{self.command!r} is no command")
        words.append(self.command)
        if self.params:
            *middle, last = self.params
            words += [_middle(param) for param in middle]
            words.append(_last(last))
        body = " ".join(words).encode("utf-8", "replace") + b"\r\n"
        if len(body) > MAX_BODY_BYTES:
            raise TooLongError(len(body), MAX_BODY_BYTES)
        return _tagged(self.tags) + body


def _middle(param: str) -> str:
    if not param or " " in param or param.startswith(":") or _BREAKS.search(param):
        raise BadLineError(f"{param!r} cannot stand before another parameter")
    return param


def _last(param: str) -> str:
    if _BREAKS.search(param):
        raise BadLineError(f"{param!r} would break the line")
    return f":{param}" if not param or " " in param or param.startswith(":") else param


def _tagged(tags: Mapping[str, str]) -> bytes:
    if not tags:
        return b""
    pairs = []
    for key, value in tags.items():
        if not _KEY.fullmatch(key) or "\x00" in value:
            raise BadLineError(f"{key!r} is no tag")
        escaped = "".join(_ESCAPES.get(character, character) for character in value)
        pairs.append(f"{key}={escaped}" if value else key)
    made = f"@{';'.join(pairs)} ".encode("utf-8", "replace")
    if len(made) > MAX_TAGS_BYTES:
        raise TooLongError(len(made), MAX_TAGS_BYTES)
    return made


def parse(raw: bytes) -> Line | None:
    """Read a line without its end; None when it holds no command. Never raises.

    Invalid UTF-8 becomes U+FFFD; NUL and lone CR are dropped, so they hide no second command.
    """
    text = raw.decode("utf-8", "replace").translate({0: None, 10: None, 13: None})
    tags: dict[str, str] = {}
    source = ""
    if text.startswith("@"):
        packed, _, text = text[1:].partition(" ")
        tags = _unpacked(packed)
    text = text.lstrip(" ")
    if text.startswith(":"):
        source, _, text = text[1:].partition(" ")
    head, colon, last = f" {text}".partition(" :")
    words = [word for word in head.split(" ") if word]  # tabs and the like part nothing
    if not words:
        return None
    command = words[0].upper()
    if not _COMMAND.fullmatch(command):
        return None
    params = (*words[1:], last) if colon else tuple(words[1:])
    return Line(command, params, source, tags)


def _unpacked(packed: str) -> dict[str, str]:
    found = {}
    for pair in packed.split(";"):
        key, _, value = pair.partition("=")
        if _KEY.fullmatch(key):
            plain = re.sub(r"\\(.?)", lambda hit: _MEANINGS.get(hit[1], hit[1]), value)
            found[key] = storable(plain)
    return found


class Buffer:
    """Cuts what a socket gives into lines, whatever its pieces; a line without end is bounded."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """Give each whole line without its end; None once for a line over 8,703 bytes."""
        self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif len(line) > MAX_LINE_BYTES:
                yield None
            else:
                yield line.rstrip(b"\r")
        if len(self._rest) > MAX_LINE_BYTES:
            if not self._skipping:
                yield None
            self._skipping, self._rest = True, b""


def body_bytes(raw: bytes) -> int:
    """Count the bytes of a line that RFC 1459 counts: without tags, with CR LF."""
    body = raw.partition(b" ")[2] if raw.startswith(b"@") else raw
    return len(body) + 2
