"""A client as cheap as can be: it shares the machine with the server that it measures.

HTTP over one kept-alive connection, and the reading side of a WebSocket (RFC 6455).
"""

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import Callable, Mapping
from typing import cast

TIMEOUT_S = 30.0
CHUNK_BYTES = 65_536
TEXT, PING = 0x81, 0x89
PONG_WITHOUT_MASK = b"\x8a\x80\0\0\0\0"
SHORT, LONG = 126, 127


class Refused(RuntimeError):
    """The server answered with something else than success."""


class _Line:
    """One kept-alive connection; the subclasses say who speaks."""

    def __init__(self, address: tuple[str, int], who: str) -> None:
        self._socket = socket.create_connection(address, TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: {address[0]}:{address[1]}\r\n{who}\r\n"

    def _answer(self) -> bytes:
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._receive()
        head, _, body = got.partition(b"\r\n\r\n")
        wanted = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < wanted:
            body += self._receive()
        if not head.startswith(b"HTTP/1.1 200"):
            raise Refused((head.partition(b"\r\n")[0] + b" " + body).decode())
        return body

    def _receive(self) -> bytes:
        got = self._socket.recv(CHUNK_BYTES)
        if not got:
            raise Refused("the server closed the connection")
        return got

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


class Caller(_Line):
    """One member's connection to the API."""

    def __init__(self, address: tuple[str, int], token: str) -> None:
        super().__init__(address, f"Authorization: Bearer {token}")

    def call(self, action: str, payload: Mapping[str, object], key: str = "") -> bytes:
        """Do one action and give the answer's body. Raises Refused."""
        body = json.dumps(payload)
        once = f"Idempotency-Key: {key}\r\n" if key else ""
        self._socket.sendall(
            f"POST /api/actions/{action} HTTP/1.1\r\n{self._head}{once}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        return self._answer()


class Visitor(_Line):
    """One person's browser that fetches the same page again and again."""

    def __init__(self, address: tuple[str, int], cookie: str, path: str) -> None:
        super().__init__(address, f"Cookie: sessionid={cookie}\r\nAccept-Encoding: gzip")
        self._path = path

    def __call__(self) -> None:
        """Fetch the page, without what it links. Raises Refused."""
        self._socket.sendall(f"GET {self._path} HTTP/1.1\r\n{self._head}\r\n".encode())
        self._answer()


class Listener(asyncio.Protocol):
    """One WebSocket that hands every text it gets to `heard`; it says nothing but pongs."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._got = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where pongs go."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, got: bytes) -> None:
        """Take the answer to the upgrade, then frame after frame."""
        self._got += got
        if not self.opened.done():
            head, found, rest = self._got.partition(b"\r\n\r\n")
            if not found:
                return
            self._got = rest
            if not head.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(Refused(bytes(head).decode()))
                return
            self.opened.set_result(None)
        while self._take_frame():
            pass

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who still waits for the upgrade."""
        if not self.opened.done():
            self.opened.set_exception(error or Refused("the socket was closed"))

    def _take_frame(self) -> bool:
        if len(self._got) < 2:
            return False
        size, start = self._got[1], 2
        if size == SHORT and len(self._got) >= 4:
            size, start = struct.unpack_from("!H", self._got, 2)[0], 4
        elif size == LONG and len(self._got) >= 10:
            size, start = struct.unpack_from("!Q", self._got, 2)[0], 10
        elif size >= SHORT:
            return False
        if len(self._got) < start + size:
            return False
        kind, text = self._got[0], bytes(self._got[start : start + size])
        del self._got[: start + size]
        if kind == TEXT:
            self._heard(text)
        elif kind == PING and self._transport is not None:
            self._transport.write(PONG_WITHOUT_MASK)
        return True


async def listen(
    address: tuple[str, int], path: str, cookie: str, heard: Callable[[bytes], None]
) -> asyncio.BaseTransport:
    """Open one live socket; returns once the server has let it in. Raises Refused."""
    loop = asyncio.get_running_loop()
    transport, listener = await loop.create_connection(lambda: Listener(heard), *address)
    host = f"{address[0]}:{address[1]}"
    transport.write(
        (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Cookie: sessionid={cookie}\r\n\r\n"
        ).encode()
    )
    async with asyncio.timeout(TIMEOUT_S):
        await listener.opened
    return transport
