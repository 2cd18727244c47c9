"""The events of Matrix as what happened in a room; whatever is no such event gives nothing."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.markdown import MAX_MESSAGE_BYTES
from hub.text import clip
from transports.base import InEvent, Kind, Sender

from .markup import from_html, plain
from .names import Names
from .wire import OP

ENCRYPTION = "m.room.encryption"
MAX_ID_CHARS = 255
MAX_EMOJI_CHARS = 100
MAX_RAW_DEPTH = 12

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_000  # the end of the year 9999
_FILES = {"m.file", "m.image", "m.audio", "m.video"}
_FALLBACK = re.compile(r"\A(?:>[^\n]*\n)+\n?")

Event = Mapping[str, Any]


def read(event: object, names: Names, *, room: str = "") -> InEvent | None:
    """Read an event; None for what is of no interest, or is not one, or ours without an op.

    `room` is where it happened when the event does not say so itself, as in a sync.
    """
    if not isinstance(event, dict) or not _is_whole(event, room) or "state_key" in event:
        return None
    sender = event["sender"]
    op_id = event["content"].get(OP, "") if names.is_ours(sender) else ""
    if names.is_ours(sender) and not (isinstance(op_id, str) and op_id):
        return None
    found = _meaning(event, names)
    if found is None:
        return None
    return InEvent(
        room=room or event["room_id"],
        remote_id=event["event_id"],
        sender=_sender(event),
        at=_at(event.get("origin_server_ts")),
        op_id=clip(plain(op_id), MAX_ID_CHARS),
        raw=_storable(event),
        **found,
    )


def encrypts(event: object) -> bool:
    """Tell whether from this event on the room is encrypted."""
    return isinstance(event, dict) and event.get("type") == ENCRYPTION and "state_key" in event


def _is_whole(event: dict[str, Any], room: str) -> bool:
    ids = (event.get("event_id"), event.get("sender"), room or event.get("room_id"))
    return (
        all(
            isinstance(one, str) and 0 < len(one) <= MAX_ID_CHARS and plain(one) == one
            for one in ids
        )
        and isinstance(event.get("type"), str)
        and isinstance(event.get("content"), dict)
    )


def _meaning(event: Event, names: Names) -> dict[str, Any] | None:
    """Give the fields that hang on what kind of event it is."""
    content = event["content"]
    relation = _mapping(content.get("m.relates_to"))
    match event["type"]:
        case "m.room.message":
            return _message(content, relation, names)
        case "m.reaction":
            target, key = _id(relation.get("event_id")), relation.get("key")
            if relation.get("rel_type") != "m.annotation" or not target or not isinstance(key, str):
                return None
            return _fields("react", target=target, emoji=clip(plain(key), MAX_EMOJI_CHARS))
        case "m.room.redaction":  # since room version 11 it is in the content
            target = _id(content.get("redacts")) or _id(event.get("redacts"))
            return _fields("delete", target=target) if target else None
    return None


def _fields(kind: Kind, **others: str) -> dict[str, Any]:
    return {"kind": kind, **others}


def _message(content: Event, relation: Mapping[str, Any], names: Names) -> dict[str, Any] | None:
    target = _id(relation.get("event_id"))
    if relation.get("rel_type") == "m.replace":
        text = _text(_mapping(content.get("m.new_content")), names)
        return _fields("edit", target=target, text=text) if target and text else None
    answered = _id(_mapping(relation.get("m.in_reply_to")).get("event_id"))
    if relation.get("rel_type") == "m.thread" and (relation.get("is_falling_back") or not answered):
        answered = target
    text = _text(content, names, is_answer=bool(answered))
    return _fields("post", text=text, reply_to=answered) if text else None


def _text(content: Event, names: Names, *, is_answer: bool = False) -> str:
    """Give a message as Markdown; the HTML where it can be read, else the plain body."""
    body, html, kind = content.get("body"), content.get("formatted_body"), content.get("msgtype")
    if not isinstance(body, str):
        return ""
    if kind in _FILES:
        name = content.get("filename")
        words = plain(body if not isinstance(name, str) or name == body else f"{name}: {body}")
        return f"*sent a file:* {words}"
    text = None
    if isinstance(html, str) and content.get("format") == "org.matrix.custom.html":
        text = from_html(html, names)
    if not text or len(text.encode()) > MAX_MESSAGE_BYTES:
        text = plain(_FALLBACK.sub("", body) if is_answer else body).strip()
    return f"*{text}*" if kind == "m.emote" and text and "\n" not in text else text


def _sender(event: Event) -> Sender:
    """Name who said it; a room's display names are not unique, so the id's own part is shown."""
    user = event["sender"]
    is_bot = event["content"].get("msgtype") == "m.notice"
    return Sender(id=user, name=user.removeprefix("@").partition(":")[0], is_bot=is_bot)


def _at(ms: object) -> datetime:
    whole = ms if isinstance(ms, int) and not isinstance(ms, bool) else 0
    return _EPOCH + timedelta(milliseconds=min(max(whole, 0), _LAST_MS))


def _id(value: object) -> str:
    is_one = isinstance(value, str) and len(value) <= MAX_ID_CHARS and plain(value) == value
    return str(value) if is_one else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _storable(event: Event) -> dict[str, object]:
    """Keep an event as a database takes it: no NUL, no half characters, not too deep."""
    return {plain(key): _value(value, MAX_RAW_DEPTH) for key, value in event.items()}


def _value(value: object, depth: int) -> object:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, float):
        return str(value)  # infinities are no JSON
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        return {plain(str(key)): _value(one, depth - 1) for key, one in value.items()}
    return [_value(one, depth - 1) for one in value]
