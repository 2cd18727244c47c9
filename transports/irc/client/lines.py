"""A part as lines of one server: with its capabilities, in the voice that is to be had."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from transports.base import Part
from transports.irc.wire import Line

from .batches import CONCAT, MULTILINE
from .render import short
from .session import Session

ID_TAG = "+parley.chat/id"
RELAY = "draft/relaymsg"
SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
DEFAULT_BYTES, DEFAULT_LINES = 4_096, 24  # of a multiline batch whose server names no limit


@dataclass(frozen=True, slots=True)
class Voice:
    """Who says it over there: `relay` is the nick of RELAYMSG, `name` stands before the text."""

    session: Session
    relay: str = ""
    name: str = ""

    @property
    def has_tags(self) -> bool:
        """Tell whether the server carries tags."""
        return "message-tags" in self.session.caps


def id_of(op: UUID, part: int) -> str:
    """Write which part of which op a line is."""
    return f"{op}.{part}"


def lines_of(op: UUID, part: Part, voice: Voice, *, whole: bool) -> list[Line]:
    """Write a part; nothing when the server cannot show it. `whole` is all in one batch."""
    body = part.body
    room = str(body["room"])
    tags = {ID_TAG: id_of(op, part.number)} if voice.has_tags else {}
    if body["do"] in {"react", "unreact"}:
        if not voice.has_tags:
            return []
        tags |= {"+draft/reply": str(body["target"]), f"+draft/{body['do']}": str(body["emoji"])}
        return [Line("TAGMSG", (room,), tags=tags)]
    before = f"<{voice.name}> " if voice.name else ""
    reply = str(body.get("reply", ""))
    if reply and voice.has_tags:
        tags["+draft/reply"] = reply
    else:
        before += str(body.get("aside", ""))
    if whole:
        return _batch(room, tags, before, body)
    text = before + str(body["line"])
    if body["do"] == "notice":
        return [Line("NOTICE", (room, text), tags=tags)]
    if voice.relay:
        return [Line("RELAYMSG", (room, voice.relay, text), tags=tags)]
    return [Line("PRIVMSG", (room, text), tags=tags)]


def _batch(
    room: str, tags: Mapping[str, str], before: str, body: Mapping[str, object]
) -> list[Line]:
    made = [Line("BATCH", ("+m", MULTILINE, room), tags=tags)]
    for number, (piece, is_rest) in enumerate(_pieces(body)):
        own = {"batch": "m", **({CONCAT: ""} if is_rest else {})}
        made.append(Line("PRIVMSG", (room, piece if number else before + piece), tags=own))
    return [*made, Line("BATCH", ("-m",))]


def _pieces(body: Mapping[str, object]) -> list[tuple[str, bool]]:
    return cast("list[tuple[str, bool]]", body.get("whole", []))


def fits_whole(part: Part, voice: Voice) -> bool:
    """Tell whether the server takes the whole text, which the first part holds, as one."""
    session = voice.session
    if voice.relay or not {MULTILINE, "batch", "message-tags"} <= session.caps:
        return False
    pieces = _pieces(part.body)
    limits = session.cap_value(MULTILINE)
    size = sum(len(piece.encode("utf-8", "replace")) + 1 for piece, _ in pieces)
    size += len(f"<{voice.name}> {part.body.get('aside', '')}".encode("utf-8", "replace"))
    most_bytes = _limit(limits.get("max-bytes", ""), DEFAULT_BYTES)
    most_lines = _limit(limits.get("max-lines", ""), DEFAULT_LINES)
    return bool(pieces) and size <= most_bytes and len(pieces) <= most_lines


def _limit(text: str, default: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else default


def nick_of(name: str, longest: int) -> str:
    """Map a name to a nick: letters and digits of ASCII, never a digit first."""
    plain = unicodedata.normalize("NFKD", name)
    joined = "".join(
        letter if letter in SAFE else "_" if letter in " ." else "" for letter in plain
    ).strip("_-")
    if not joined:
        joined = "agent"
    return (joined if not joined[0].isdigit() and joined[0] != "-" else f"_{joined}")[:longest]


def name_of(part: Part) -> str:
    """Give the name of who says a part, as it stands before a line."""
    return short(str(part.body.get("speaker", "")))
