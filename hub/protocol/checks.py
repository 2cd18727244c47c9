"""From the pieces of a verb's line to a checked command, or to a hint why it is none."""

import re
from collections.abc import Callable, Iterator, Mapping

from hub.text import clip

from .commands import (
    MAX_FIELDS,
    MAX_LINE_BYTES,
    MAX_TAGS,
    MAX_VALUE_CHARS,
    Command,
    Hint,
    Line,
)
from .grammar import Piece, Scan, scan
from .verbs import VERBS, Key, Kind, Verb

_KEY = re.compile(r"[a-z][a-z0-9-]{0,31}")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,59}")
_SURELY_TASK = re.compile(r"#?[0-9]{1,9}|(?=[a-z0-9-]*[0-9-])[a-z][a-z0-9-]{0,58}[a-z0-9]")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_MAX_SHOWN_CHARS = 40


def read_verb(line: Line, rest: str) -> Command | Hint | None:
    """Read the rest of a line that starts with a verb: a command, a hint, or None for chat.

    It is chat unless it carries a key that the verb knows, so "ACCEPT that one" is.
    """
    verb = VERBS[line.verb]
    if verb.has_payload:
        payload = rest.strip(" \t")
        return check_line(line) or line.command(payload=payload) if payload else None
    # A longer line is refused anyhow; its first part tells whether it was meant as a command.
    found = _with_bare_task(verb, scan(rest[:MAX_LINE_BYTES]))
    given = {piece.key for piece in found.pieces if piece.kind == "field"}
    if found.problem:
        given.add(found.problem.key)
    if given.isdisjoint(verb.keys):
        return None
    hint = next(_faults(line, verb, found), None)
    if hint:
        return hint
    values = {piece.key: piece.value for piece in found.pieces if piece.kind == "field"}
    tags = tuple(piece.value for piece in found.pieces if piece.kind == "tag")
    return line.command(fields=_normal(verb, values), tags=tags)


def check_line(line: Line) -> Hint | None:
    """Refuse a command line that is too long or holds raw control characters."""
    size = len(line.raw.encode("utf-8", "surrogatepass"))
    if size > MAX_LINE_BYTES:
        return line.hint("line.too_long", size=size)
    return line.hint("line.control") if _CONTROL.search(line.raw) else None


def _with_bare_task(verb: Verb, found: Scan) -> Scan:
    """Read `COMPLETED task-auth` and `CLAIM #12` as `task=…`.

    The word must come first and be the only one, and must look like a task (a digit or a hyphen
    in it), unless a key that the verb knows follows it.
    """
    first, *others = found.pieces or (None,)
    if first is None or "task" not in verb.required or not first.is_bare:
        return found
    keys = {piece.key for piece in others if piece.kind == "field"}
    if first.kind == "field" or "task" in keys or any(piece.kind == "word" for piece in others):
        return found
    name = f"#{first.value}" if first.kind == "tag" else first.value
    is_task = _SURELY_TASK.fullmatch(name) or (
        first.kind == "word" and _NAME.fullmatch(name) and keys & verb.keys.keys()
    )
    if not is_task:
        return found
    task = Piece(kind="field", key="task", value=name, is_bare=True)
    return Scan(pieces=(task, *others), problem=found.problem)


def _faults(line: Line, verb: Verb, found: Scan) -> Iterator[Hint]:
    """Find what is wrong, the nearest cause first."""
    if wrong := check_line(line):
        yield wrong
    if found.problem:
        yield line.hint(found.problem.code, key=found.problem.key, escape=found.problem.escape)
    yield from _shape_faults(line, found.pieces)
    given = {piece.key for piece in found.pieces}
    for key in verb.required:
        if key not in given:
            yield line.hint("key.missing", key=key, help=verb.help)
    for piece in found.pieces:
        if piece.kind == "field" and piece.key in verb.keys:
            yield from _value_faults(line, piece, verb)


def _shape_faults(line: Line, pieces: tuple[Piece, ...]) -> Iterator[Hint]:
    kinds = [piece.kind for piece in pieces]
    if kinds.count("field") > MAX_FIELDS:
        yield line.hint("fields.too_many")
    if kinds.count("tag") > MAX_TAGS:
        yield line.hint("tags.too_many")
    seen: set[str] = set()
    for piece in pieces:
        if piece.kind == "word":
            yield line.hint("word.stray", word=clip(piece.value, _MAX_SHOWN_CHARS))
        elif piece.kind == "tag":
            if piece.is_bare and not piece.value:
                yield line.hint("tag.empty")
        else:
            yield from _field_faults(line, piece, seen)
            seen.add(piece.key)


def _field_faults(line: Line, piece: Piece, seen: set[str]) -> Iterator[Hint]:
    if not _KEY.fullmatch(piece.key):
        yield line.hint("key.invalid", key=clip(piece.key, _MAX_SHOWN_CHARS))
    if piece.key in seen:
        yield line.hint("key.twice", key=piece.key)
    if piece.is_bare and not piece.value:
        yield line.hint("value.empty", key=piece.key)
    if len(piece.value) > MAX_VALUE_CHARS:
        yield line.hint("value.too_long", key=piece.key)


def _value_faults(line: Line, piece: Piece, verb: Verb) -> Iterator[Hint]:
    key = verb.keys[piece.key]
    if piece.key in verb.required and not piece.value.strip():
        yield line.hint("value.empty", key=piece.key)
    if not _CHECKS[key.kind](_bare_value(key, piece.value), key):
        code = "value.name" if key.kind == "member" else f"value.{key.kind}"
        choices = ", ".join(key.choices)
        yield line.hint(code, key=piece.key, low=key.low, high=key.high, choices=choices)


def _normal(verb: Verb, values: Mapping[str, str]) -> dict[str, str]:
    """Take the # off task numbers and the @ off members."""
    keys = verb.keys
    return {
        name: _bare_value(keys[name], value) if name in keys else value
        for name, value in values.items()
    }


def _bare_value(key: Key, value: str) -> str:
    sign = {"name": "#", "member": "@"}.get(key.kind, "")
    return value.removeprefix(sign)


def _is_integer(value: str, key: Key) -> bool:
    return bool(_INTEGER.fullmatch(value)) and key.low <= int(value) <= key.high


def _is_list(value: str, _: Key) -> bool:
    return all(item.strip() for item in value.split(","))


_CHECKS: Mapping[Kind, Callable[[str, Key], bool]] = {
    "text": lambda _, __: True,
    "name": lambda value, _: bool(_NAME.fullmatch(value)),
    "member": lambda value, _: bool(_NAME.fullmatch(value)),
    "integer": _is_integer,
    "decimal": lambda value, _: bool(_DECIMAL.fullmatch(value)),
    "choice": lambda value, key: value in key.choices,
    "list": _is_list,
}
