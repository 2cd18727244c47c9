"""What the small server is made of: what it may be able to, and one connection to it."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from transports.irc.wire import Line

HOST = "fake.test"
MODERN = {
    "account-tag": "",
    "batch": "",
    "draft/chathistory": "",
    "draft/multiline": "max-bytes=4096,max-lines=100",
    "echo-message": "",
    "labeled-response": "",
    "message-tags": "",
    "server-time": "",
    "standard-replies": "",
}
PLAIN = {"multi-prefix": ""}
RELAY = {"draft/relaymsg": "/"}
SASL = {"sasl": "PLAIN,EXTERNAL"}


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@dataclass
class Client:
    """One connection to it."""

    writer: asyncio.StreamWriter
    nick: str = ""
    account: str = ""
    negotiating: bool = False
    is_in: bool = False
    has_user: bool = False
    caps: set[str] = field(default_factory=set)
    rooms: set[str] = field(default_factory=set)
    packed: str = ""
    batch: list[Line] = field(default_factory=list)

    @property
    def mask(self) -> str:
        return f"{self.nick}!~parley@127.0.0.1"

    def put(self, line: Line) -> None:
        if not self.writer.is_closing():
            tags = line.tags if "message-tags" in self.caps else {}
            self.writer.write(replace(line, tags=tags).encode())

    def say(self, numeric: str, *params: str, label: str = "") -> None:
        tags = {"label": label} if label else {}
        self.put(Line(numeric, (self.nick or "*", *params), HOST, tags))


def piece_of(rows: list[Line], line: Line) -> list[Line]:
    """Give the piece of a history that a CHATHISTORY line asks for."""
    way, _, bound, limit = line.params
    kind, _, value = bound.partition("=")
    if kind == "msgid":
        ids = [row.tags["msgid"] for row in rows]
        after = rows[ids.index(value) + 1 :] if value in ids else []
    else:
        after = [row for row in rows if row.tags["time"] > value]
    before = [row for row in rows if row not in after][-int(limit) :]
    return after[: int(limit)] if way == "AFTER" else before
