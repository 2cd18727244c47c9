r"""Words, quotes and escapes of a command line, read and written.

Inside double quotes a backslash escapes: \" \\ \n \r \t and \u{hex}. Outside it is itself.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from hub.text import clip

_KEY = re.compile(r'([^ \t="]*)=')
_BARE = re.compile(r"[^ \t]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))", re.DOTALL)
_ESCAPED = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPES = {raw: f"\\{letter}" for letter, raw in _ESCAPED.items()}
_MAX_SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of a line: key=value, #tag or a word. `is_bare` says that it had no quotes."""

    kind: Literal["field", "tag", "word"]
    key: str
    value: str
    is_bare: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Where reading stopped: the code of a hint, and its facts."""

    code: str
    key: str
    escape: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The pieces of a line, up to a problem if there is one."""

    pieces: tuple[Piece, ...]
    problem: Problem | None


class _Malformed(Exception):
    def __init__(self, code: str, escape: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.escape = escape


def scan(text: str) -> Scan:
    """Cut the rest of a verb's line into fields, tags and words."""
    pieces: list[Piece] = []
    at = _skip(text, 0)
    while at < len(text):
        kind, key, start = _start(text, at)
        try:
            value, end = _value(text, start)
        except _Malformed as error:
            shown = key or clip(text[at:], _MAX_SHOWN_CHARS)
            problem = Problem(code=error.code, key=shown, escape=error.escape)
            return Scan(pieces=tuple(pieces), problem=problem)
        pieces.append(
            Piece(kind=kind, key=key, value=value, is_bare=text[start : start + 1] != '"')
        )
        at = _skip(text, end)
    return Scan(pieces=tuple(pieces), problem=None)


def words(text: str) -> tuple[str, ...] | Problem:
    """Cut the rest of a `!command` into words; a quote inside a word is an ordinary character."""
    found: list[str] = []
    at = _skip(text, 0)
    while at < len(text):
        try:
            value, end = _value(text, at, is_lenient=True)
        except _Malformed as error:
            shown = clip(text[at:], _MAX_SHOWN_CHARS)
            return Problem(code=error.code, key=shown, escape=error.escape)
        found.append(value)
        at = _skip(text, end)
    return tuple(found)


def quote(value: str) -> str:
    """Write a value so that it reads back the same, in quotes only if it needs them."""
    is_plain = value.isprintable() and not {'"', " "} & {*value}
    if value and is_plain and _is_normal(value) and not unicodedata.combining(value[0]):
        return value
    quoted = _quoted(value, is_ascii=False)
    return quoted if _is_normal(quoted) else _quoted(value, is_ascii=True)


def _is_normal(text: str) -> bool:
    """Tell whether storing a message leaves this as it is."""
    return unicodedata.is_normalized("NFC", text)


def _quoted(value: str, *, is_ascii: bool) -> str:
    return '"' + "".join(_escaped(character, is_ascii=is_ascii) for character in value) + '"'


def _escaped(character: str, *, is_ascii: bool) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() and (character.isascii() or not is_ascii):
        return character
    return f"\\u{{{ord(character):x}}}"


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    return at


def _start(text: str, at: int) -> tuple[Literal["field", "tag", "word"], str, int]:
    """Tell what begins here, its key, and where its value starts."""
    if text[at] == "#":
        return "tag", "#", at + 1
    if found := _KEY.match(text, at):
        return "field", found[1], found.end()
    return "word", "", at


def _value(text: str, start: int, *, is_lenient: bool = False) -> tuple[str, int]:
    """Read a value, quoted or bare, and where it ends. Raises _Malformed."""
    if not text.startswith('"', start):
        found = _BARE.match(text, start)
        assert found, "the pattern matches nothing too"
        if '"' in found[0] and not is_lenient:
            raise _Malformed("quote.misplaced")
        return found[0], found.end()
    quoted = _QUOTED.match(text, start)
    if quoted is None:
        raise _Malformed("quote.unclosed")
    if quoted.end() < len(text) and text[quoted.end()] not in " \t":
        raise _Malformed("quote.glued")
    return _ESCAPE.sub(_unescaped, quoted[1]), quoted.end()


def _unescaped(match: re.Match[str]) -> str:
    """Give the character that an escape means. Raises _Malformed for NUL and half characters."""
    if match[1] is None:
        if match[2] not in _ESCAPED:
            raise _Malformed("escape.unknown", match[0])
        return _ESCAPED[match[2]]
    number = int(match[1], 16)
    # A database stores neither.
    if number == 0 or 0xD800 <= number <= 0xDFFF or number > 0x10FFFF:
        raise _Malformed("escape.character", match[0])
    return chr(number)
