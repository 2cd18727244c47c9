"""What Parley says as the events of Matrix, and events as what happened; nothing is asked here.

Source: Matrix client-server API 1.11: m.room.message, m.replace, m.annotation, redactions.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC

from hub.text import clip, split
from transports.base import OutOp, Part, Quoted

from .markup import plain, to_html

OP, PART = "chat.parley.op", "chat.parley.part"
MESSAGE, REACTION = "m.room.message", "m.reaction"
REDACT, TAKE_BACK = "redact", "take back"  # of a part: not events that are sent as they are
MAX_CONTENT_BYTES = 40_000  # an event has 65,536 bytes, with what the homeserver adds
MAX_RICH_BYTES = 32_000  # an edit holds more than its text
MAX_PIECE_BYTES = 14_000
ELLIPSIS = "…"
QUOTE_CHARS, FALLBACK_CHARS = 300, 1_000

_NO_PARAGRAPH = re.compile(r"\s*(#{1,6}\s|>|[-*+]\s|\d{1,9}[.)]\s|```|~~~|\||---)| {4}|\t")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_MARKS = re.compile(r"([\\`*_\[\]<>~|])")

Content = dict[str, object]


def parts_of(op: OutOp, *, is_prefixed: bool) -> list[Part]:
    """Make the parts of an op; `is_prefixed` puts the speaker's name before what one bot says."""
    match op.kind:
        case "post":
            bodies = list(_posts(op, op.text, is_prefixed=is_prefixed))
        case "edit":
            bodies = list(_edits(op, is_prefixed=is_prefixed))
        case "delete":
            bodies = [_redaction(one) for one in _ids(op.target)]
        case _:
            bodies = list(_reactions(op, is_prefixed=is_prefixed))
    return [Part(number=number, body=_marked(op, number, one)) for number, one in enumerate(bodies)]


def _marked(op: OutOp, number: int, body: Content) -> Content:
    """Put the op's id into the content, by which our own event is known again."""
    content = body.get("content")
    assert isinstance(content, dict), "each body has a content"
    return body | {"content": content | {OP: str(op.id), PART: number}}


def _ids(quoted: Quoted | None) -> tuple[str, ...]:
    return quoted.remote_ids if quoted else ()


def _posts(op: OutOp, text: str, *, is_prefixed: bool) -> Iterator[Content]:
    """Give the messages of a text; the first one answers what is answered."""
    answered = op.reply_to
    if answered and not answered.remote_ids:
        text = f"{_quote(answered)}\n\n{text}"
    for number, piece in enumerate(_pieces(_led(op, text, is_prefixed=is_prefixed))):
        content = _said(piece)
        if answered and answered.remote_ids and number == 0:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": answered.remote_ids[0]}}
        yield _message(content)


def _edits(op: OutOp, *, is_prefixed: bool) -> Iterator[Content]:
    """Replace the messages of the target one by one: as many as there are, no more and no less.

    What finds no room is behind a link; what is too many becomes an ellipsis, since a message that
    was redacted could not be replaced when the text grows again.
    """
    ids = _ids(op.target)
    if not ids:
        quoted = f"{_quote(op.target)}\n\n" if op.target else ""
        yield from _posts(op, f"{quoted}*corrected:* {op.text}", is_prefixed=is_prefixed)
        return
    pieces = _pieces(_led(op, op.text, is_prefixed=is_prefixed))
    if len(pieces) > len(ids):
        pieces[len(ids) - 1] += f"\n\n… (the rest: {op.url})"
    pieces += [ELLIPSIS] * (len(ids) - len(pieces))
    for event_id, piece in zip(ids, pieces, strict=False):
        fallback = {"msgtype": "m.text", "body": f"* {clip(piece, FALLBACK_CHARS)}"}
        relation = {"rel_type": "m.replace", "event_id": event_id}
        yield _message({**fallback, "m.new_content": _said(piece), "m.relates_to": relation})


def _reactions(op: OutOp, *, is_prefixed: bool) -> Iterator[Content]:
    ids, emoji = _ids(op.target), clip(plain(op.emoji), 100)
    if not ids:
        if op.kind == "react" and op.target:
            text = f"{_quote(op.target)}\n\n{emoji}"
            yield from _posts(op, text, is_prefixed=is_prefixed)
        return
    annotation = {"rel_type": "m.annotation", "event_id": ids[0], "key": emoji}
    if op.kind == "react":
        yield {"type": REACTION, "content": {"m.relates_to": annotation}}
    else:
        yield {"type": TAKE_BACK, "event_id": ids[0], "key": emoji, "content": {}}


def _message(content: Content) -> Content:
    return {"type": MESSAGE, "content": content}


def _redaction(event_id: str) -> Content:
    return {"type": REDACT, "event_id": event_id, "content": {}}


def _said(piece: str) -> Content:
    """Give the content of a text; the HTML goes where both together are too long."""
    content: Content = {"msgtype": "m.text", "body": piece}
    html = to_html(piece)
    if not html:
        return content
    rich = content | {"format": "org.matrix.custom.html", "formatted_body": html}
    size = len(json.dumps(rich, ensure_ascii=False).encode())
    return rich if size <= MAX_RICH_BYTES else content


def _quote(quoted: Quoted | None) -> str:
    """Show a message that is not over there, as a quote."""
    if quoted is None:
        return ""
    lines = clip(plain(quoted.text), QUOTE_CHARS).split("\n")
    return "\n".join(
        f"> {line}" for line in [f"**{_literal(quoted.author)}:** {lines[0]}", *lines[1:]]
    )


def _literal(name: str) -> str:
    return _MARKS.sub(r"\\\1", plain(name).replace("\n", " "))


def _led(op: OutOp, text: str, *, is_prefixed: bool) -> str:
    """Put before a text who says it, where nothing else shows it, and when, if it is late."""
    text = plain(text)
    leads = [f"**{_literal(op.speaker.name)}:**"] if is_prefixed else []
    if op.late_s > 0:
        leads.append(f"*said at {op.said_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC:*")
    if not leads:
        return text
    gap = "\n\n" if _NO_PARAGRAPH.match(text) else " "
    return " ".join(leads) + gap + text


def _pieces(text: str) -> list[str]:
    """Cut a text to pieces that fit an event; a block of code goes on in the next one."""
    pieces = []
    fence = ""
    for piece in split(text, MAX_PIECE_BYTES):
        begun = f"{fence}\n{piece}" if fence else piece
        fence = _open_fence(begun)
        mark = _FENCE.match(fence)
        pieces.append(f"{begun.rstrip()}\n{mark[1]}" if mark else begun)
    return [piece for piece in pieces if piece.strip()]


def _open_fence(text: str) -> str:
    """Give the line that began a block of code which does not end in the text."""
    opened = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if not found:
            continue
        if not opened:
            opened = clip(line.strip(), 40)
        elif line.strip().startswith(opened[:3]) and not found[2].strip():
            before = _FENCE.match(opened)
            opened = opened if before and len(found[1]) < len(before[1]) else ""
    return opened
