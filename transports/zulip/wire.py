"""Text on Zulip: canonical Markdown to its dialect and back, cut to its longest message.

Source: Zulip's help pages "Message formatting" and "Mention a user or group"; zulip#message_send
for what it strips and for the commands at the start of a message.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import regex

from hub.errors import Invalid
from hub.text import clean, storable

MAX_CHARS = 10_000
ROOM_FOR_FENCES = 200
ZERO_WIDTH_SPACE = "\u200b"

_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WILDCARD = re.compile(
    r"@(?=\*\*(?:all|everyone|channel|stream|topic)\*\*|\*[^*\n]+\*(?!\*))"
    r"|(?<!\w)@(?=(?:all|everyone)\b)",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"/(?=(?:poll|todo|me)(?:\s|$))", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[ \t]*([^`\n]*)$")
_CLUSTER = regex.compile(r"\X")
_CUTS = (re.compile(r"\n[ \t]*\n\s*"), re.compile(r"\n"), re.compile(r"\s+"))
_CODE = re.compile(r"(?<!`)(`++)(?s:.+?)(?<!`)\1(?!`)")
_BLOCK = re.compile(r" {0,3}(?:>|`{3}|~{3}|[-*+] |\d+[.)] |#|\|)")
_NO_NAME = re.compile(r"[^\w-]+")
_MENTION = re.compile(
    r"@(?P<silent>_?)(?:\*\*(?P<name>[^*|\n]*)(?:\|(?P<id>\d+))?\*\*|\*(?P<group>[^*\n]+)\*)"
)
_STREAM = re.compile(r"#\*\*([^*\n]+)\*\*")
_TIME = re.compile(r"<time:([^>\n]+)>")
_UPLOAD = re.compile(r"(?<![\w./:])/user_uploads/")
_ANSWERS = re.compile(r"@_?\*\*[^*\n]+\*\* \[[^\]\n]+\]\([^)\s]*/near/(\d+)\):")


def safe(text: str) -> str:
    """Bring text of either side to what both can store: U+FFFD for what is neither text nor a
    line end, and towers of combining marks fall.
    """
    text = _CONTROL.sub("\ufffd", _LINE_ENDS.sub("\n", storable(text)))
    try:
        return clean(text)
    except Invalid:
        return clean("".join(one for one in text if not unicodedata.combining(one)))


def defused(text: str) -> str:
    """Let text ping no wildcard and no group: a space that nobody sees goes after the @.

    Code is no exception: a reading of what is code that differs from Zulip's would ping all.
    """
    return _WILDCARD.sub(f"@{ZERO_WIDTH_SPACE}", text)


def as_content(text: str) -> str:
    """Make one message's content, as Zulip stores it: no blank ends, and no command."""
    text = text.rstrip().lstrip("\n")
    return _COMMAND.sub(f"{ZERO_WIDTH_SPACE}/", text, count=1) if _COMMAND.match(text) else text


def to_zulip(markdown: str, *, prefix: str = "") -> list[str]:
    """Show Markdown as the contents of one or more messages; the same text gives the same.

    `prefix` stands before each. No contents when there is nothing to show.
    """
    text = defused(safe(markdown)).rstrip().lstrip("\n")
    if not text.strip():
        return []
    pieces = cut(text, MAX_CHARS - len(prefix) - 1)
    return [as_content(_headed(prefix, piece)) for piece in pieces]


def _headed(prefix: str, piece: str) -> str:
    """Put a name before text; a quote, list or block of code begins a line of its own."""
    return f"{prefix.rstrip()}\n{piece}" if prefix and _BLOCK.match(piece) else prefix + piece


def cut(text: str, max_chars: int) -> list[str]:
    """Cut text to pieces of at most `max_chars` characters, none of them blank.

    A cut falls after a paragraph, else a line, else a word, else what readers see as one
    character. A block of code that is cut closes in the one and opens again in the next piece.
    """
    pieces: list[str] = []
    opened = ""
    while text:
        if len(opened) + len(text) <= max_chars:
            pieces.append(opened + text)
            break
        room = max(max_chars - ROOM_FOR_FENCES - len(opened), max_chars // 2)
        end = _end(text[: room + 1], room)
        piece, text = opened + text[:end], text[end:]
        opened, closing = _left_open(piece)
        if piece.strip():
            pieces.append(piece.rstrip("\n") + closing)
    return pieces


def _end(window: str, room: int) -> int:
    window = window[:room]
    for pattern in _CUTS:
        end = max((found.end() for found in pattern.finditer(window)), default=0)
        if end * 2 > room:
            return end
    last = max((found.start() for found in _CLUSTER.finditer(window)), default=0)
    return last if last * 2 > room else room


def _left_open(piece: str) -> tuple[str, str]:
    """Tell how to open again, and how to close, the block of code that a piece ends in."""
    fence, head = "", ""
    for line in piece.split("\n"):
        found = _FENCE.match(line)
        if not fence and found:
            fence, head = found[1], line[:80]
        elif fence and line.strip() == fence:
            fence = ""
    return (f"{head}\n", f"\n{fence}") if fence and len(fence) * 2 < ROOM_FOR_FENCES else ("", "")


def answered(content: str) -> str:
    """Read which message is quoted and answered: its id, or nothing."""
    found = _ANSWERS.match(content)
    return found[1] if found else ""


def from_zulip(content: str, *, site: str, names: Mapping[str, str]) -> str:
    """Read a message's raw content as canonical Markdown.

    `names` gives members' names for people's full names and for their ids. `site` has no slash
    at its end; links to uploads begin with it.
    """
    lines = safe(content).split("\n")
    return "\n".join(_blocks(lines, site, names)).strip("\n").rstrip()


def _blocks(lines: Sequence[str], site: str, names: Mapping[str, str]) -> Iterator[str]:
    plain: list[str] = []
    at = 0
    while at < len(lines):
        found = _FENCE.match(lines[at])
        if not found:
            plain.append(lines[at])
            at += 1
            continue
        yield from _plain(plain, site, names)
        plain = []
        end = _closing(lines, at + 1, found[1])
        inside = lines[at + 1 : end]
        if found[2] in {"quote", "spoiler"}:
            head = [f"**{found[3]}**"] if found[2] == "spoiler" and found[3] else []
            yield from (f"> {line}".rstrip() for line in [*head, *_blocks(inside, site, names)])
            plain = [""] if end + 1 < len(lines) and lines[end + 1].strip() else []
        else:
            yield from (lines[at], *inside, found[1])
        at = end + 1
    yield from _plain(plain, site, names)


def _closing(lines: Sequence[str], start: int, fence: str) -> int:
    """Find the line that closes a block; a block that nothing closes ends with the text."""
    for at in range(start, len(lines)):
        if lines[at].strip() == fence:
            return at
    return len(lines)


def _plain(lines: Sequence[str], site: str, names: Mapping[str, str]) -> list[str]:
    if not lines:
        return []
    text, made, start = "\n".join(lines), "", 0
    for code in _CODE.finditer(text):
        made += _words(text[start : code.start()], site, names) + code[0]
        start = code.end()
    return (made + _words(text[start:], site, names)).split("\n")


def _words(text: str, site: str, names: Mapping[str, str]) -> str:
    def mention(found: re.Match[str]) -> str:
        shown = found["group"] or found["name"] or ""
        known = names.get(found["id"] or "") or names.get(shown)
        if found["silent"]:
            return known or shown
        named = known or _NO_NAME.sub("-", shown).strip("-") or found["id"]
        return f"@{named}" if named else found[0]

    text = _MENTION.sub(mention, text)
    text = _STREAM.sub(lambda found: "#" + found[1].replace(">", " > "), text)
    text = _TIME.sub(r"\1", text)
    return _UPLOAD.sub(f"{site}/user_uploads/", text)
