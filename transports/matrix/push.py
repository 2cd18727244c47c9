"""What a homeserver pushes to an application service; told what was asked, it tells what to answer.

Mount it under the address that the registration names, for every method, without CSRF. Events may
come twice, under the same transaction or another: the sink knows them by their id. After any
answer but 200 the homeserver repeats the transaction, and the events after it wait.
Source: Matrix application-service API 1.11; on SQLite Synapse's transaction numbers begin at 1
again when it restarts (element-hq/synapse#14556), so they are not looked at.
"""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from transports.base import Account, InEvent, Sink

from .events import encrypts, read
from .names import names_of

MAX_BODY_BYTES = 16_777_216  # a transaction has at most 100 events of 65,536 bytes
_PATH = re.compile(r"/?_matrix/app/v1/(transactions|users|rooms|ping)(?:/([^/]{1,1000}))?/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call of the homeserver: `path` from `_matrix` on, `authorization` as in the header."""

    method: str
    path: str
    authorization: str = field(repr=False)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """The status and JSON to answer with."""

    status: int
    body: Mapping[str, str] = field(default_factory=dict)


async def answer(
    request: Request, account: Account, sink: Sink, rooms: Mapping[str, str] | None = None
) -> Reply:
    """Answer a call; a transaction with 200 only once the sink has stored its events.

    `rooms` names rooms that were bound by an alias by their id; others come under their id.
    What the sink raises is raised on: answer 500 then.
    """
    if not _is_homeserver(request.authorization, account.secrets.get("hs_token", "")):
        is_named = bool(request.authorization)
        return _refusal(403 if is_named else 401, "M_FORBIDDEN" if is_named else "M_UNAUTHORIZED")
    found = _PATH.fullmatch(request.path)
    if found and (request.method, found[1]) == ("PUT", "transactions"):
        return await _taken(request.body, account, sink, rooms or {})
    if found and (request.method, found[1]) == ("POST", "ping"):
        return Reply(200)
    if found and (request.method, found[1]) == ("GET", "users"):
        is_ours = names_of(account).is_ours(unquote(found[2] or ""))
        return Reply(200) if is_ours else _refusal(404, "M_NOT_FOUND")
    return _refusal(404, "M_NOT_FOUND" if found else "M_UNRECOGNIZED")


def _is_homeserver(authorization: str, hs_token: str) -> bool:
    """Compare tokens in a time that does not tell how much of one was right."""
    wanted = f"Bearer {hs_token}".encode()
    return bool(hs_token) and hmac.compare_digest(authorization.encode("utf-8", "replace"), wanted)


async def _taken(body: bytes, account: Account, sink: Sink, rooms: Mapping[str, str]) -> Reply:
    events = _events(body)
    if events is None:
        return _refusal(400, "M_BAD_JSON")
    names = names_of(account)
    happened: list[InEvent] = []
    for event in events:
        room = _room(event, rooms)
        if room and encrypts(event):
            await sink.gap(room, "the room is encrypted: nothing can be read or sent")
        if room and (one := read(event, names, room=room)):
            happened.append(one)
    if happened:
        await sink.take(happened, None)
    return Reply(200)


def _events(body: bytes) -> list[object] | None:
    if len(body) > MAX_BODY_BYTES:
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    events = found.get("events") if isinstance(found, dict) else None
    return events if isinstance(events, list) else None


def _room(event: object, rooms: Mapping[str, str]) -> str:
    room_id = event.get("room_id") if isinstance(event, dict) else None
    return rooms.get(room_id, room_id) if isinstance(room_id, str) else ""


def _refusal(status: int, code: str) -> Reply:
    return Reply(status, {"errcode": code, "error": code})
