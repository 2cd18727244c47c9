"""The HTTP side of the double: who asks, what goes wrong, and how it is answered."""

import base64
import contextlib
import io
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from .world import RefusedError

PAGE_502 = b"<html><h1>502 Bad Gateway</h1></html>"


@dataclass(frozen=True)
class Call:
    at: float
    method: str
    path: str
    email: str
    values: dict

    @property
    def name(self):
        return f"{self.method} {self.path}"


class Server(ThreadingHTTPServer):
    """Listens on loopback in threads; it can be gone at once."""

    daemon_threads = True

    def __init__(self, double, port):
        super().__init__(("127.0.0.1", port), _Handler)
        self.double = double
        self._open = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()

    def process_request(self, request, client_address):
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self._open.discard(request)
        super().shutdown_request(request)

    def stop(self):
        self.shutdown()
        self.server_close()
        self._thread.join(5)
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Keep quiet."""

    def _answer(self):
        double, url = self.server.double, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        values = dict(parse_qsl(url.query or body, keep_blank_values=True))
        given = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        email, _, key = given.partition(":")
        path = url.path.removeprefix("/api/v1/")
        call = Call(time.monotonic(), self.command, path, email, values)
        double.calls.append(call)
        fault = double.struck(call)
        if fault and self._fails_before(fault):
            return
        status, reply = self._done(call, key)
        if fault and self._fails_after(fault):
            return
        self._send(status, json.dumps(reply).encode(), "application/json")

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the library's names

    def _done(self, call, key):
        double = self.server.double
        try:
            user = double.identify(call.email, key)
            return 200, {"result": "success", "msg": "", **double.do(call, user)}
        except RefusedError as refused:
            return refused.status, refused.body

    def _fails_before(self, fault):
        match fault.name:
            case "502":
                self._send(502, PAGE_502, "text/html")
            case "reset":
                self._reset()
            case "429":
                body = {"result": "error", "msg": "API usage exceeded rate limit"}
                body |= {"code": "RATE_LIMIT_HIT", "retry-after": fault.seconds}
                self._send(429, json.dumps(body).encode(), "application/json", fault.seconds)
            case "hangbefore":
                time.sleep(fault.seconds)
                return False
            case _:
                return False
        return True

    def _fails_after(self, fault):
        match fault.name:
            case "502after":
                self._send(502, PAGE_502, "text/html")
            case "500after":
                body = {"result": "error", "msg": "Internal server error"}
                self._send(500, json.dumps(body).encode(), "application/json")
            case "resetafter":
                self._reset()
            case _:
                time.sleep(fault.seconds)
                return False
        return True

    def _reset(self):
        """Break the connection off with RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.wfile.close()
        self.rfile.close()
        self.connection.close()
        self.wfile = io.BytesIO()  # the library flushes it once more

    def _send(self, status, body, kind, retry_s=0.0):
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-RateLimit-Remaining", "150")
            if retry_s:
                self.send_header("Retry-After", str(retry_s))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # who asked has gone
