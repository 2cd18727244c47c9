"""An IRC client for tests: what it sends and what it reads are plain lines."""

import re
import socket
import time

WAIT_S = 10.0


class Irc:
    """One connection; `seen` keeps every line that came."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        self._socket.settimeout(WAIT_S)
        self._socket.connect(("127.0.0.1", port))
        self._rest = b""
        self._at = 0
        self.seen: list[str] = []

    def log_in(self, token: str, caps: tuple[str, ...] = ()) -> None:
        if caps:
            self.send("CAP LS 302")
            self.send(f"CAP REQ :{' '.join(caps)}")
            self.until(r"CAP \S+ ACK")
        self.send(f"PASS {token}")
        self.send("NICK somebody")
        self.send("USER somebody 0 * :Some Body")
        if caps:
            self.send("CAP END")
        self.until(r" 376 ")

    def send(self, line: str) -> None:
        self._socket.sendall(line.encode() + b"\r\n")

    def send_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def until(self, pattern: str) -> re.Match[str]:
        """Read on to a line that matches; fails after ten seconds, with what came instead."""
        deadline = time.monotonic() + WAIT_S
        begun = self._at
        while True:
            while self._at < len(self.seen):
                self._at += 1
                if found := re.search(pattern, self.seen[self._at - 1]):
                    return found
            left = deadline - time.monotonic()
            came = "\n".join(self.seen[begun:])
            assert left > 0, f"no {pattern!r} in\n{came}"
            assert self._read(left), f"no {pattern!r} before the end in\n{came}"

    def between(self, line: str, end: str) -> list[str]:
        """Send a line and give what comes up to a line that matches, with that."""
        begun = self._at
        self.send(line)
        self.until(end)
        return self.seen[begun : self._at]

    def fence(self) -> list[str]:
        """Give all lines that come before the answer to a PING."""
        return self.between("PING fence", r"PONG \S+ fence")[:-1]

    def at_end(self) -> str:
        """Read to the end of the connection; gives the last line."""
        deadline = time.monotonic() + WAIT_S
        while self._read(max(0.1, deadline - time.monotonic())):
            assert time.monotonic() < deadline, "the connection did not end"
        return self.seen[-1]

    def _read(self, left_s: float) -> bool:
        self._socket.settimeout(left_s)
        try:
            chunk = self._socket.recv(65_536)
        except (ConnectionResetError, TimeoutError):
            return False
        *lines, self._rest = (self._rest + chunk).split(b"\r\n")
        self.seen += [line.decode() for line in lines]
        return bool(chunk)

    def close(self) -> None:
        self._socket.close()
