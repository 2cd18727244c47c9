"""A line of the server as an event: who said it, where, when, and whether it was ourselves."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from hub.text import storable
from transports.base import InEvent, Sender
from transports.irc.text import from_irc
from transports.irc.wire import Line

from .lines import ID_TAG, RELAY
from .render import MADE_UP
from .session import moment

MAX_SEEN = 5_000
HISTORY_SERVICE = "histserv"
_ACTION = re.compile(r"\x01ACTION (.*?)\x01?", re.DOTALL)
_OP_ID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.(\d{1,6}))?")
_BOT_TAGS = ("bot", "draft/bot", "inspircd.org/bot")


class Seen:
    """The last ids, to know what comes twice."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def add(self, id_: str) -> bool:
        """Note an id; tells whether it is new."""
        if id_ in self._ids:
            return False
        self._ids[id_] = None
        if len(self._ids) > MAX_SEEN:
            self._ids.popitem(last=False)
        return True

    def __contains__(self, id_: object) -> bool:
        return id_ in self._ids


class Own:
    """Who we are over there; `claimed` are the ids that our sendings are known by."""

    def __init__(self, nicks: Callable[[], set[str]], userhost: Callable[[], str]) -> None:
        self._nicks, self._userhost = nicks, userhost
        self.claimed = Seen()

    def says(self, line: Line) -> bool:
        """Tell whether a line is ours: by nick, or by our tag from where we are.

        The tag alone proves nothing, anybody can copy it. A nick alone fails for history, where
        speakers have nicks of connections that are over.
        """
        nick, _, userhost = line.source.partition("!")
        if RELAY in line.tags:
            return line.tags[RELAY] in self._nicks()
        is_near = bool(userhost) and userhost == self._userhost()
        return nick in self._nicks() or (is_near and ID_TAG in line.tags)


def event_of(line: Line, room: str, own: Own, count: int) -> InEvent | None:
    """Make the event of a line; None for what is none, or is our own and cannot be told apart.

    `count` counts arrivals, which makes ids where the server gives none.
    """
    nick, is_ours = line.source.partition("!")[0], own.says(line)
    op = _OP_ID.fullmatch(line.tags.get(ID_TAG, "")) if is_ours else None
    if (is_ours and not op) or nick.lower() == HISTORY_SERVICE or not nick:
        return None
    what = _what(line)
    if what is None:
        return None
    at = moment(line.tags.get("time", "")) or datetime.now(UTC)
    return InEvent(
        kind=what.kind,
        room=room,
        remote_id=line.tags.get("msgid") or _made_up(line, at, count),
        sender=sender_of(line),
        at=at,
        text=what.text,
        reply_to="" if what.target else _answered(line),
        target=what.target,
        emoji=what.emoji,
        op_id=op[1] if op else "",
        raw={
            "command": line.command,
            "params": list(line.params),
            "source": line.source,
            "tags": dict(line.tags),
            **({"part": int(op[2] or 0)} if op else {}),
        },
    )


@dataclass(frozen=True, slots=True)
class _What:
    kind: Literal["post", "delete", "react", "unreact"]
    text: str = ""
    target: str = ""
    emoji: str = ""


def _what(line: Line) -> _What | None:
    match line.command:
        case "PRIVMSG" | "NOTICE":
            text = text_of(line.param(1))
            return _What("post", text) if text.strip() else None
        case "TAGMSG" if target := _answered(line):
            if emoji := line.tags.get("+draft/react"):
                return _What("react", target=target, emoji=emoji)
            if emoji := line.tags.get("+draft/unreact"):
                return _What("unreact", target=target, emoji=emoji)
        case "REDACT" if target := line.param(1):
            return _What("delete", target=target)
    return None


def _answered(line: Line) -> str:
    return line.tags.get("+draft/reply") or line.tags.get("+reply") or ""


def text_of(text: str) -> str:
    """Read what was said as Markdown: an action in italics, questions to programs as nothing."""
    if action := _ACTION.fullmatch(text):
        said = from_irc(action[1]).strip()
        return f"*{storable(said)}*" if said else ""
    if text.startswith("\x01"):
        return ""
    return storable("\n".join(from_irc(line) for line in text.split("\n")))


def sender_of(line: Line) -> Sender:
    """Tell who said it: an account is proven by the server; `~` begins what is only a nick."""
    nick = storable(line.source.partition("!")[0])
    account = line.tags.get("account", "")
    is_proven = account not in {"", "*"} and not account.startswith("~")
    is_bot = line.command == "NOTICE" or any(tag in line.tags for tag in _BOT_TAGS)
    id_ = account if is_proven and not line.tags.get(RELAY) else f"~{storable(line.source)}"
    return Sender(id=id_, name=nick, is_bot=is_bot or RELAY in line.tags)


def _made_up(line: Line, at: datetime, count: int) -> str:
    words = "\0".join((line.source, at.isoformat(), *line.params, str(count)))
    return MADE_UP + hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:32]
