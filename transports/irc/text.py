"""Text on IRC: Markdown to lines with codes and back, cut to fit the wire.

Source: the formatting page of modern IRC clients (02 bold, 1D italic, 1E strike, 11 code, which
is read and not written).
"""

import re
from collections.abc import Iterator, Sequence

import regex
from markdown_it.token import Token

from hub.markdown.parser import make_parser

BOLD, ITALIC, STRIKE, CODE, RESET = "\x02", "\x1d", "\x1e", "\x11", "\x0f"
# What a chat with pacing bears, and how much of a longer text is shown there.
MAX_LINES, HEAD_LINES = 6, 3
MAX_FENCE_LINES = 4

_INLINE = {"strong": BOLD, "em": ITALIC, "s": STRIKE}
_MARKS = {BOLD: "**", ITALIC: "*", STRIKE: "~~", CODE: "`"}
_CODES = re.compile(r"[\x02\x1d\x1e\x11]")
_COLOURS = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?")
_OTHER = re.compile(r"[\x00-\x08\x0b\x0c\x0e\x10\x12-\x1c\x1f\x7f-\x9f\r]")
_CLUSTER = regex.compile(r"\X")
_PARSER = make_parser()


def to_lines(markdown: str) -> list[str]:
    """Show Markdown as lines with IRC codes; the same text gives the same lines.

    Codes of the text itself are dropped. Every line closes what it opens.
    """
    text = _OTHER.sub("", _COLOURS.sub("", _CODES.sub("", markdown.replace("\r\n", "\n"))))
    tokens = _PARSER.parse(text.replace(RESET, ""), {})
    return [line.rstrip(" ") for line in _blocks(tokens)]


def _blocks(tokens: Sequence[Token]) -> Iterator[str]:
    frame = _Frame()
    cells: list[str] = []
    before = ""
    for token in tokens:
        kind = token.type
        if kind == "tr_close":
            yield from frame.filled([" | ".join(cells)])
            cells = []
        elif kind == "inline" and before in {"th_open", "td_open"}:
            cells.append(" ".join(_inline(token.children or [])))
        elif kind == "inline":
            lines = _inline(token.children or [])
            if before == "heading_open":
                lines = [f"{BOLD}{line.replace(BOLD, '')}{BOLD}" for line in lines]
            yield from frame.filled(lines)
        elif kind in {"fence", "code_block"}:
            lines = token.content.removesuffix("\n").split("\n")
            yield from frame.filled(lines)
        elif kind == "hr":
            yield from frame.filled(["───"])
        else:
            frame.turn(token)
        before = kind


class _Frame:
    """What stands before a line: quotes, the indent of lists, and a bullet once."""

    def __init__(self) -> None:
        self._before: list[str] = []
        self._numbers: list[int | None] = []
        self._bullet = ""

    def turn(self, token: Token) -> None:
        """Go into a block or out of it."""
        match token.type:
            case "blockquote_open":
                self._before.append("> ")
            case "bullet_list_open":
                self._numbers.append(None)
            case "ordered_list_open":
                self._numbers.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                number = self._numbers[-1]
                self._bullet = "• " if number is None else f"{number}. "
                self._numbers[-1] = None if number is None else number + 1
                self._before.append("  ")
            case "blockquote_close" | "list_item_close":
                self._before.pop()

    def filled(self, lines: Sequence[str]) -> Iterator[str]:
        """Put what stands before it to each line."""
        for line in lines:
            indent = "".join(self._before)
            if self._bullet:
                indent, self._bullet = indent[:-2] + self._bullet, ""
            yield indent + line


def _inline(tokens: Sequence[Token]) -> list[str]:
    lines, opened, address, started = [""], "", "", 0
    for token in tokens:
        kind, _, way = token.type.rpartition("_")
        if token.type in {"softbreak", "hardbreak"}:
            lines[-1] += opened[::-1]
            lines.append(opened)
        elif kind in _INLINE:
            code = _INLINE[kind]
            opened = opened + code if way == "open" else opened.replace(code, "", 1)
            lines[-1] += code
        elif token.type == "link_open":
            address = str(token.attrs.get("href", ""))
            started = len(lines[-1])
        elif token.type == "link_close":
            if address not in {lines[-1][started:], "http://" + lines[-1][started:]}:
                lines[-1] += f" <{address}>"
        elif token.type == "code_inline":
            lines[-1] += f"`{token.content}`"  # many clients show the code for it as a letter
        else:
            lines[-1] += token.content
    return lines


def from_irc(text: str) -> str:
    """Read one line of IRC as Markdown: codes become marks, colours and other controls go.

    What is written as Markdown stays Markdown: people who join from IRC type it too.
    """
    text = _COLOURS.sub("", text)
    made, opened = "", ""
    for character in text:
        if character == RESET:
            made, opened = made + "".join(_MARKS[code] for code in reversed(opened)), ""
        elif character in _MARKS:
            if character in opened:
                made, opened = made + _MARKS[character], opened.replace(character, "")
            else:
                made, opened = made + _MARKS[character], opened + character
        else:
            made += character
    made += "".join(_MARKS[code] for code in reversed(opened))
    return _OTHER.sub("", made.replace("\x16", ""))


def cut(line: str, max_bytes: int) -> list[str]:
    """Cut a line to pieces of at most `max_bytes` UTF-8 bytes; joined they are the line again,
    but for codes, which each piece closes and the next opens again.

    A cut falls after a space in the second half of a piece, else between what readers see as
    characters; one that alone is too long is cut between code points.
    """
    pieces, piece, size = [], "", 0
    room = max_bytes - len(_MARKS)
    for cluster in _clusters(line, room):
        length = len(cluster.encode("utf-8", "replace"))
        if size + length > room:
            head, tail = _at_space(piece)
            still = _open_at_end(head)
            pieces.append(head + still[::-1])
            piece = still + tail
            size = len(piece.encode("utf-8", "replace"))
        piece += cluster
        size += length
    return [*pieces, piece] if piece or not pieces else pieces


def _clusters(line: str, room: int) -> Iterator[str]:
    for found in _CLUSTER.findall(line):
        if len(found.encode("utf-8", "replace")) > room // 2:
            yield from found
        else:
            yield found


def _at_space(piece: str) -> tuple[str, str]:
    space = piece.rfind(" ") + 1
    if space * 2 > len(piece):
        return piece[:space], piece[space:]
    return piece, ""


def _open_at_end(piece: str) -> str:
    opened = ""
    for code in _CODES.findall(piece):
        opened = opened.replace(code, "") if code in opened else opened + code
    return opened


def shown(markdown: str, url: str, *, max_lines: int, head_lines: int) -> list[str]:
    """Show a text on a network that bears few lines: a longer one begins and ends in a link.

    A code block of over four lines is always behind the link.
    """
    lines = to_lines(markdown)
    blocks = (token for token in _PARSER.parse(markdown, {}) if token.type == "fence")
    is_coded = any(token.content.count("\n") > MAX_FENCE_LINES for token in blocks)
    if len(lines) <= max_lines and not (is_coded and max_lines <= MAX_LINES):
        return lines
    head = lines[:head_lines]
    left = len(lines) - len(head)
    return [*head, f"… ({left} more {'line' if left == 1 else 'lines'}: {url})"]
