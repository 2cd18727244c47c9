"""How a connection comes in: capabilities, SASL, a nick that is free, the welcome.

Source: IRCv3 capability negotiation 302, sasl-3.2.
"""

import asyncio
import base64
from collections.abc import Callable

from transports.irc.wire import Line

from .place import Place

WANTED = (
    "account-tag",
    "batch",
    "cap-notify",
    "draft/chathistory",
    "draft/event-playback",
    "draft/message-redaction",
    "draft/multiline",
    "draft/relaymsg",
    "echo-message",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "server-time",
    "standard-replies",
)
CHUNK_CHARS = 400  # of AUTHENTICATE; one that is full is followed by another, if only by +
MAX_NICKS = 20
NICK_TAKEN = {"433", "436", "437"}
NICK_BAD = "432"
SASL_FAILED = {"902", "904", "905", "906", "907", "908"}
UNWANTED = {"464", "465", "466"}  # the password is wrong, or we are banned


class RefusedError(Exception):
    """The server does not let us in as we are: trying again would change nothing."""


class Entering:
    """The lines up to the welcome. `done` ends well, or with RefusedError or OSError."""

    def __init__(self, place: Place, nick: str, write: Callable[..., None]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.offered: dict[str, str] = {}
        self.caps: set[str] = set()
        self.nick = nick
        self._place, self._wanted, self._write = place, nick, write
        self._asked: set[str] = set()
        self._tries = 0
        self._is_known = not place.sasl
        self._is_welcome = False

    def take(self, line: Line) -> None:
        """Take one line of the server."""
        match line.command:
            case "CAP":
                self._cap(line)
            case "AUTHENTICATE" if line.param(0) == "+" and not self._is_known:
                self._authenticate()
            case "903":
                self._is_known = True
                self._write(Line("CAP", ("END",)))
            case "001":
                self._welcome(line)
            case "376" | "422" if self._is_welcome and not self.done.done():
                self.done.set_result(None)
            case _:
                self._trouble(line)

    def fail(self, error: Exception) -> None:
        """End it, unless it has ended."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # nobody may wait for it yet: that is no fault to report

    def _trouble(self, line: Line) -> None:
        if line.command in SASL_FAILED and not self._is_known:
            self.fail(RefusedError(f"SASL was refused ({line.command})"))
        elif line.command in UNWANTED:
            self.fail(RefusedError(f"the server does not let us in ({line.command})"))
        elif line.command == "ERROR":
            self.fail(ConnectionError(f"the server hung up: {line.param(0)[:200]}"))
        elif line.command in NICK_TAKEN | {NICK_BAD} and not self._is_welcome:
            self._next_nick()

    def _cap(self, line: Line) -> None:
        if self._is_welcome:
            return
        names = line.params[-1].split()
        match line.param(1).upper():
            case "LS":
                for name in names:
                    key, _, value = name.partition("=")
                    self.offered[key] = value
                if line.param(2) != "*":
                    self._choose()
            case "ACK":
                self.caps.update(names)
                self._answered(" ".join(names))
            case "NAK":
                refused = " ".join(names)
                self._asked.discard(refused)
                if len(names) > 1:  # one of them is not had: ask for each
                    self._ask(*names)
                self._answered(refused)

    def _choose(self) -> None:
        wanted = [name for name in WANTED if name in self.offered]
        if self._place.sasl and "sasl" in self.offered:
            wanted.append("sasl")
        if wanted:
            self._ask(" ".join(wanted))
        else:
            self._answered("")

    def _ask(self, *requests: str) -> None:
        for request in requests:
            self._asked.add(request)
            self._write(Line("CAP", ("REQ", request)))

    def _answered(self, request: str) -> None:
        self._asked.discard(request)
        if self._asked:
            return
        if self._is_known:
            self._write(Line("CAP", ("END",)))
        elif "sasl" not in self.caps or not self._has_mechanism():
            self.fail(RefusedError(f"the server offers no SASL {self._place.sasl}"))
        else:
            self._write(Line("AUTHENTICATE", (self._place.sasl,)))

    def _has_mechanism(self) -> bool:
        listed = self.offered.get("sasl", "")
        return not listed or self._place.sasl in listed.upper().split(",")

    def _authenticate(self) -> None:
        login = self._place.login
        plain = f"{login}\0{login}\0{self._place.password}" if self._place.sasl == "PLAIN" else ""
        packed = base64.b64encode(plain.encode("utf-8", "replace")).decode()
        for start in range(0, len(packed) + 1, CHUNK_CHARS):
            self._write(Line("AUTHENTICATE", (packed[start : start + CHUNK_CHARS] or "+",)))

    def _welcome(self, line: Line) -> None:
        if not self._is_known:  # a server that knows no CAP lets anybody in
            self.fail(RefusedError(f"the server asked for no SASL {self._place.sasl}"))
            return
        self._is_welcome = True
        self.nick = line.param(0) or self.nick

    def _next_nick(self) -> None:
        self._tries += 1
        if self._tries > MAX_NICKS:
            self.fail(ConnectionError("no nick is free"))
            return
        tail = f"_{self._tries}"
        self.nick = self._wanted[: 9 - len(tail) if self._tries > 2 else 30 - len(tail)] + tail
        self._write(Line("NICK", (self.nick,)))
