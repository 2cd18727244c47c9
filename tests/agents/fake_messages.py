"""A Messages API on loopback: the real wire format, the real refusals, answers as a test wants.

Each request takes the next of `queue`; when that is empty, `player` makes the answer.
"""

import json
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import fake_rules, fake_wire
from .fake_cache import Cache
from .fake_rules import Refused
from .fake_wire import Fails, Says

KEY = "sk-ant-api03-canary-0123456789abcdef"
MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
PING = fake_wire.encode({"type": "ping"})
Behaviour = Says | Fails
Player = Callable[[dict[str, Any]], Behaviour]


@dataclass
class Received:
    """One request as it came in, and what became of its connection."""

    body: dict[str, Any]
    headers: dict[str, str]
    raw: bytes
    at: float = field(default_factory=time.monotonic)
    usage: dict[str, int] = field(default_factory=dict)


class ClientGone(Exception):
    """The other side closed the connection before the answer was over."""


def ends(_body: dict[str, Any]) -> Behaviour:
    return Says(content=(fake_wire.text("Done."),))


class FakeMessages:
    """The server; use it as a context manager. `url` is what goes into ANTHROPIC_BASE_URL."""

    def __init__(self, *queue: Behaviour, player: Player = ends) -> None:
        self.queue: deque[Behaviour] = deque(queue)
        self.player = player
        self.received: list[Received] = []
        self.refused: list[str] = []
        self.window = 200_000
        self.cache = Cache()
        self.lock = threading.Lock()
        self.gone = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [received.body for received in self.received]

    def __enter__(self) -> "FakeMessages":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, received: Received) -> Behaviour:
        """Check a request and choose what comes of it."""
        with self.lock:
            self.received.append(received)
            try:
                self._check(received)
            except Refused as refused:
                self.refused.append(str(refused))
                return Fails(status=refused.status, kind=refused.kind, message=str(refused))
            behaviour = self.queue.popleft() if self.queue else self.player(received.body)
            if isinstance(behaviour, Says):
                received.usage = self.cache.count(received.body)
            return behaviour

    def _check(self, received: Received) -> None:
        given = received.headers.get("authorization", "").removeprefix("Bearer ")
        if KEY not in {given, received.headers.get("x-api-key")}:
            raise Refused("invalid API key", 401, "authentication_error")
        if "anthropic-version" not in received.headers:
            raise Refused("anthropic-version: header is required")
        fake_rules.check(received.body)
        model = received.body["model"]
        if model not in MODELS:
            raise Refused(f"model: {model}", 404, "not_found_error")
        counts = Cache().count(received.body)
        size = sum(counts.values())
        if size > self.window:
            raise Refused(f"prompt is too long: {size} tokens > {self.window} maximum")


def _handler(api: FakeMessages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        connection: socket.socket

        def log_message(self, *_args: object) -> None:
            pass

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(body=json.loads(raw), headers=headers, raw=raw)
            behaviour = api.take(received)
            try:
                if isinstance(behaviour, Fails):
                    self._whole(behaviour.status, behaviour.body(), behaviour.headers)
                elif received.body.get("stream"):
                    self._stream(received, behaviour)
                else:
                    self._pause(behaviour.first_s)
                    model, counts = received.body["model"], received.usage
                    self._whole(200, fake_wire.message(behaviour, model, counts), {})
            except (ClientGone, BrokenPipeError, ConnectionResetError):
                self.close_connection = True
                api.gone.set()

        def _whole(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"request-id": "req_fake", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _stream(self, received: Received, says: Says) -> None:
            self._pause(says.first_s)
            self.send_response(200)
            self.send_header("request-id", "req_fake")
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            left = says.cut_at
            for event in fake_wire.events(says, received.body["model"], received.usage):
                self._pause(says.gap_s)
                piece = fake_wire.encode(event)
                if left is not None and len(piece) >= left:
                    self._chunk(piece[:left])
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                left = left - len(piece) if left is not None else None
                self._chunk(piece)
            until = time.monotonic() + says.pings_for_s
            while time.monotonic() < until:
                self._chunk(PING)
                self._pause(0.05)
            self._chunk(b"")

        def _chunk(self, piece: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()

        def _pause(self, seconds: float) -> None:
            """Wait, unless the other side goes away meanwhile."""
            if seconds <= 0:
                return
            readable, _, _ = select.select([self.connection], [], [], seconds)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise ClientGone

    return Handler
