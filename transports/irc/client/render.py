"""An op as parts: pure, so that the same op gives the same parts on every server.

What depends on a server is chosen when a part is sent. A part is one line; the first part of a
longer text also holds the whole of it, for a server that takes several lines as one message, and
then the parts after it have nothing left to say.
"""

import re

from hub.text import storable
from transports.base import OutOp, Part, Quoted
from transports.irc.text import HEAD_LINES, MAX_LINES, cut, shown, to_lines

# `:nick!user@host PRIVMSG room :`, whatever our mask is: nick and user 36, host 63, signs.
MASK_BYTES = 102
LINE_BYTES = 510
MAX_WHOLE_BYTES, MAX_WHOLE_LINES = 32_768, 400
MAX_NAME_BYTES, MAX_QUOTE_CHARS = 60, 80
MADE_UP = "made:"  # begins ids of messages to which the server gave none
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNTAGGED = re.compile(r"[\x00-\x20\x7f-\x9f]")


def render(op: OutOp) -> list[Part]:
    """Make the parts of an op; none for a reaction to what the server cannot name."""
    match op.kind:
        case "post":
            return _said(op, "", re_name=op.reply_to)
        case "edit":
            return _said(op, "* corrected: ", re_name=None)
        case "delete":
            quoted = _quote(op.target)
            words = f"took back: “{quoted}”" if quoted else "took back a message"
            return [Part(number=0, body=_body(op, "notice", _stamp(op) + words))]
        case "react" | "unreact":
            emoji = _UNTAGGED.sub("", storable(op.emoji))
            target = remote_of(op.target)
            if not target or not emoji:
                return []
            body = {"do": op.kind, "room": op.room, "emoji": emoji, "target": target}
            return [Part(number=0, body=body)]


def _said(op: OutOp, before: str, *, re_name: Quoted | None) -> list[Part]:
    head = _stamp(op) + before
    aside = f"re {short(re_name.author)}: " if re_name else ""
    room = LINE_BYTES - MASK_BYTES - len(f" PRIVMSG {op.room} :".encode())
    room -= len(f"<{short(op.speaker.name)}> {head}{aside}".encode("utf-8", "replace"))
    text = storable(op.text)
    lines = to_lines(text) or [""]
    pieces = [(piece, number > 0) for line in lines for number, piece in enumerate(cut(line, room))]
    plain = _plain(text, op.url, [piece for piece, _ in pieces if piece.strip()])
    parts = []
    for number, line in enumerate(plain):
        body = _body(op, "say", line if number else head + line)
        if not number:
            body |= {"aside": aside, "reply": remote_of(re_name)}
            body |= _whole([(head + pieces[0][0], False), *pieces[1:]])
        parts.append(Part(number=number, body=body))
    return parts


def _body(op: OutOp, do: str, line: str) -> dict[str, object]:
    return {"do": do, "room": op.room, "speaker": op.speaker.name, "line": line}


def _plain(text: str, url: str, pieces: list[str]) -> list[str]:
    """Choose what a chat with pacing bears: all of it, or its head and a link."""
    if not pieces:
        return [url]
    is_whole = shown(text, url, max_lines=MAX_LINES, head_lines=HEAD_LINES) == to_lines(text)
    if is_whole and len(pieces) <= MAX_LINES:
        return pieces
    head = pieces[:HEAD_LINES] if len(pieces) > HEAD_LINES else pieces[:1]
    left = len(pieces) - len(head)
    return [*head, f"… ({left} more {'line' if left == 1 else 'lines'}: {url})"]


def _whole(pieces: list[tuple[str, bool]]) -> dict[str, object]:
    """Keep the whole text for a server with multiline, if it is several lines and bearable."""
    size = sum(len(piece.encode("utf-8", "replace")) + 1 for piece, _ in pieces)
    if len(pieces) < 2 or len(pieces) > MAX_WHOLE_LINES or size > MAX_WHOLE_BYTES:
        return {}
    return {"whole": [[piece, is_rest] for piece, is_rest in pieces]}


def short(name: str) -> str:
    """Give a name as it stands before a line."""
    plain = _CONTROL.sub("", storable(name)).encode()
    return plain[:MAX_NAME_BYTES].decode("utf-8", "ignore")


def remote_of(quoted: Quoted | None) -> str:
    """Give the id by which the server knows a message, or nothing."""
    first = quoted.remote_ids[0] if quoted and quoted.remote_ids else ""
    return "" if first.startswith(MADE_UP) else first


def _quote(quoted: Quoted | None) -> str:
    lines = [line for line in to_lines(storable(quoted.text)) if line.strip()] if quoted else []
    if not lines:
        return ""
    line = _CONTROL.sub("", lines[0])
    is_all = len(lines) == 1 and len(line) <= MAX_QUOTE_CHARS
    return line if is_all else line[:MAX_QUOTE_CHARS].rstrip() + "…"


def _stamp(op: OutOp) -> str:
    return f"[{op.said_at:%H:%M}] " if op.late_s > 0 else ""
