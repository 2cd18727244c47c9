"""From a message to its commands: which lines may be one, and which kind each is."""

import re
from collections.abc import Iterator, Sequence

from .checks import check_line, read_verb
from .commands import (
    MAX_BRIEF_CHARS,
    MAX_COMMANDS,
    MAX_HINTS,
    MAX_TITLE_CHARS,
    SENTENCES,
    Command,
    Hint,
    Line,
    Parsed,
)
from .grammar import Problem, words
from .verbs import VERBS

# Four spaces or a tab make code in Markdown.
_VERB = re.compile(r" {0,3}([A-Z]+(?:-[A-Z]+)?)(?:[ \t]+(.*))?", re.DOTALL)
_BANG = re.compile(r" {0,3}(![a-z][a-z-]{0,31})(?:[ \t]+(.*))?", re.DOTALL)
_TASK = re.compile(r" {0,3}(TASK:|TASK\?(?=[ \t:]|\Z)):?[ \t]*(.*)", re.DOTALL)
_TO = re.compile(r"@([A-Za-z](?:[\w-]{0,30}\w)?)[:,]?(?:[ \t]+|\Z)", re.ASCII)
_FENCE = re.compile(r"((?:[ \t]*(?:[-*+]|[0-9]{1,9}[.)])(?=[ \t]))*[ \t]*)(`{3,}(?=[^`]*\Z)|~{3,})")
_QUOTE = re.compile(r"(?:[ \t]*(?:[-*+]|[0-9]{1,9}[.)])(?=[ \t]))*[ \t]*>")


def parse(text: str) -> Parsed:
    """Find the commands of a message, and hints for lines that look like one and are none.

    Every other line is chat, and so are lines in code (fenced, or indented by four spaces) and
    quoted lines. With over 20 commands none is given. Nothing is ever dropped: the message stays.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    commands: list[Command] = []
    hints: list[Hint] = []
    for found in _found(lines, _free(lines)):
        if isinstance(found, Command):
            commands.append(found)
        else:
            hints.append(found)
    if len(commands) > MAX_COMMANDS:
        line = Line(verb="", number=commands[MAX_COMMANDS].line, raw="")
        commands, hints = [], [*hints, line.hint("commands.too_many")]
    return Parsed(commands=tuple(commands), hints=_capped(hints))


def _capped(hints: list[Hint]) -> tuple[Hint, ...]:
    if len(hints) <= MAX_HINTS:
        return tuple(hints)
    kept, line = hints[: MAX_HINTS - 1], hints[MAX_HINTS - 1].line
    sentence = SENTENCES["hints.too_many"].format(count=len(hints) - len(kept))
    return (*kept, Hint(code="hints.too_many", sentence=sentence, line=line))


def _found(lines: Sequence[str], free: Sequence[bool]) -> Iterator[Command | Hint]:
    at = 0
    while at < len(lines):
        found = _read(lines[at], at + 1) if free[at] else None
        start, at = at, at + 1
        if isinstance(found, Command) and found.verb in {"TASK:", "TASK?"}:
            at = _end_of_brief(lines, free, at)
            found = _briefed(found, lines[start:at])
        if found:
            yield found


def _free(lines: Sequence[str]) -> list[bool]:
    """Tell for each line whether it may be a command: not in a fenced block, not quoted."""
    free: list[bool] = []
    fence, offset = "", 0
    for line in lines:
        found = _FENCE.match(line)
        if not fence:
            free.append(not found and not _QUOTE.match(line))
            if found:
                fence, offset = found[2], len(found[1])
            continue
        free.append(False)
        bare = line.strip(" \t")
        indent = len(line) - len(line.lstrip(" \t"))
        is_close = set(bare) == {fence[0]} and len(bare) >= len(fence)
        if is_close and indent <= offset + 3:
            fence = ""
    return free


def _read(raw: str, number: int) -> Command | Hint | None:
    if found := _VERB.fullmatch(raw):
        if found[1] not in VERBS:
            return None
        return read_verb(Line(verb=found[1], number=number, raw=raw), found[2] or "")
    if found := _BANG.fullmatch(raw):
        return _read_bang(Line(verb=found[1], number=number, raw=raw), found[2] or "")
    if found := _TASK.fullmatch(raw):
        return _read_task(Line(verb=found[1], number=number, raw=raw), found[2])
    return None


def _read_bang(line: Line, rest: str) -> Command | Hint:
    if wrong := check_line(line):
        return wrong
    args = words(rest)
    if isinstance(args, Problem):
        return line.hint(args.code, key=args.key, escape=args.escape)
    return line.command(args=args)


def _read_task(line: Line, rest: str) -> Command | Hint:
    if wrong := check_line(line):
        return wrong
    fields: dict[str, str] = {}
    if found := _TO.match(rest):
        fields["to"] = found[1]
        rest = rest[found.end() :]
    title = rest.strip(" \t")
    if not title:
        return line.hint("task.no_title")
    if len(title) > MAX_TITLE_CHARS:
        return line.hint("task.title_too_long")
    return line.command(fields={"title": title, **fields})


def _end_of_brief(lines: Sequence[str], free: Sequence[bool], at: int) -> int:
    """Find where a brief ends: at a blank line outside code, or at the next command."""
    while at < len(lines):
        if free[at] and (not lines[at].strip() or _read(lines[at], at + 1)):
            break
        at += 1
    return at


def _briefed(task: Command, lines: Sequence[str]) -> Command | Hint:
    """Add the lines after the title to a task."""
    raw, brief = "\n".join(lines), "\n".join(lines[1:])
    line = Line(verb=task.verb, number=task.line, raw=raw)
    if len(brief) > MAX_BRIEF_CHARS:
        return line.hint("task.brief_too_long")
    return line.command(fields={**task.fields, **({"brief": brief} if brief else {})})
