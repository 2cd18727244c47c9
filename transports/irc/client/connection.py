"""The `irc` library's connection, made safe: bad bytes, bad lines and faults do not end it.

Source: irc 20.5.0, measured; as it comes, one invalid byte or one exception drops the connection,
CR goes out as it is, and what is sent after the end is lost without a word.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Iterator

from irc.client import Event, ServerNotConnectedError  # type: ignore[import-untyped]
from irc.client_aio import AioConnection, AioReactor  # type: ignore[import-untyped]
from irc.connection import AioFactory  # type: ignore[import-untyped]

from transports.irc.wire import BadLineError, Buffer, Line, parse

MAX_UNREAD = 2_000  # lines that may wait before the socket is read no further

logger = logging.getLogger(__name__)
logging.getLogger("irc.client").setLevel(logging.INFO)  # its debug lines show passwords
logging.getLogger("irc.client_aio").setLevel(logging.INFO)


class LostError(ConnectionError):
    """The connection ended, or fell silent, while an answer was awaited."""


class _Lines:
    """Cuts the bytes for the library, which would fall over the first bad one."""

    def __init__(self) -> None:
        self._buffer = Buffer()
        self._ready: deque[str] = deque()

    def feed(self, chunk: bytes) -> None:
        for raw in self._buffer.feed(chunk):
            if raw is not None:
                self._ready.append(raw.decode("utf-8", "replace"))

    def __iter__(self) -> Iterator[str]:
        while self._ready:
            yield self._ready.popleft()


class SafeConnection(AioConnection):  # type: ignore[misc]
    """One connection. `faults` counts lines that a handler or the library fell over."""

    buffer_class = _Lines
    transport: asyncio.Transport | None = None
    faults = 0

    def _process_line(self, line: str) -> None:
        try:
            super()._process_line(line)
        except Exception:
            self.faults += 1
            logger.debug("the irc library cannot read a line", exc_info=True)

    def send_raw(self, string: str) -> None:
        """Send a line that the library makes; raises for what is not one line."""
        line = parse(string.encode("utf-8", "replace"))
        if line is None:
            raise BadLineError("this is no line")
        self.write(line)

    def write(self, *lines: Line) -> None:
        """Send lines together, or none of them.

        Raises BadLineError, and ServerNotConnectedError when there is nobody to read them.
        """
        made = b"".join(line.encode() for line in lines)
        if self.transport is None or self.transport.is_closing():
            raise ServerNotConnectedError("not connected")
        self.transport.write(made)

    def quit(self, message: str = "") -> None:
        """Say goodbye if somebody still listens; the library calls it while it hangs up."""
        if self.transport and not self.transport.is_closing():
            self.transport.write(Line("QUIT", (message or "bye",)).encode())

    def abort(self) -> None:
        """End it at once, whatever is left to send."""
        if self.transport:
            self.transport.abort()


class Wire:
    """A connection as a session uses it: lines in and out, and its end."""

    def __init__(self, take: Callable[[Line], None], ended: Callable[[], None]) -> None:
        self._take, self._ended = take, ended
        self._reactor = AioReactor(on_connect=self._connected, loop=asyncio.get_running_loop())
        self._reactor.connection_class = SafeConnection
        self._connection: SafeConnection = self._reactor.server()
        self._reactor.add_global_handler("all_raw_messages", self._line)
        self._reactor.add_global_handler("disconnect", self._end)
        self.faults = 0

    async def open(
        self, host: str, port: int, nick: str, password: str, trust: ssl.SSLContext | None
    ) -> None:
        """Connect and begin to come in: CAP LS goes before NICK and USER. Raises OSError."""
        tls = {"ssl": trust, "server_hostname": host} if trust else {}
        try:
            await self._connection.connect(
                host,
                port,
                nick,
                password=f":{password}" if password else None,
                username="parley",
                ircname="Parley",
                connect_factory=AioFactory(**tls),
            )
        except ServerNotConnectedError as error:  # it hung up while it was being greeted
            raise LostError("the server hung up at once") from error

    def _connected(self, _protocol: object, transport: asyncio.Transport) -> None:
        self._connection.transport = transport
        self._connection.write(Line("CAP", ("LS", "302")))

    def _line(self, _: SafeConnection, event: Event) -> None:
        line = parse(event.arguments[0].encode("utf-8", "replace"))
        if line is None:
            return
        try:
            self._take(line)
        except Exception:  # one line's fault is not the connection's
            self.faults += 1
            logger.exception("IRC %s was not handled", line.command)

    def _end(self, *_: object) -> None:
        self._ended()

    def write(self, *lines: Line) -> None:
        """Send lines together. Raises BadLineError or LostError; then none was sent."""
        try:
            self._connection.write(*lines)
        except ServerNotConnectedError as error:
            raise LostError("not connected") from error

    def supports(self, name: str) -> str:
        """Give what the server said of itself (ISUPPORT), as the library keeps it."""
        found = getattr(self._connection.features, name.lower(), None)
        return "" if found is None else str(found)

    def hold(self, *, reading: bool) -> None:
        """Read on, or read no further until what was read is handled."""
        transport = self._connection.transport
        if transport and not transport.is_closing():
            (transport.resume_reading if reading else transport.pause_reading)()

    def close(self) -> None:
        """Say goodbye and hang up; a second time does nothing."""
        self._connection.disconnect("Parley stops")

    def abort(self) -> None:
        """Hang up without a word: nobody seems to listen."""
        self._connection.abort()
