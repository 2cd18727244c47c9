"""A house that really runs: `manage.py up` as a program of its own, and what is left of it."""

import http.cookiejar
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 120.0
LEFT_OUT = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "PARLEY_SECRET_KEY")


class House:
    """One home and the `manage.py up` that runs in it."""

    def __init__(self, **environment: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="parley-up-", dir="/tmp"))
        self.home.chmod(0o711)  # the database's user passes through when we are root
        self.log = self.home / "up.log"
        kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        self.environment = {
            **kept,
            "PARLEY_HOME": str(self.home),
            "PARLEY_BIND": "127.0.0.1:0",
            "PARLEY_IRC_LISTEN": "127.0.0.1:0",
            "PARLEY_SWEEP_S": "2",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> "House":
        """Start it, in a process group of its own like a terminal, and wait until it is ready."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *options],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.said(r"ready after")
        self.said(r"Ctrl-C stops")
        return self

    def said(self, pattern: str) -> re.Match[str]:
        """Wait for words on its terminal."""
        try:
            return wait_for(lambda: re.search(pattern, self.words), repr(pattern))
        except AssertionError as error:  # the words as they are at the end of the patience
            raise AssertionError(f"{error} in\n{self}") from None

    @property
    def words(self) -> str:
        return self.log.read_text(errors="replace")

    def __str__(self) -> str:
        return self.words[-4_000:]

    @property
    def url(self) -> str:
        return self.said(r"Parley is at\s+(http://\S+)/\n")[1]

    def pid_of(self, part: str) -> int:
        """Tell the newest process of a part."""
        return int(re.findall(rf"\| {part} started \(process (\d+)\)", self.words)[-1])

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Ask /readyz."""
        status, body = get(f"{self.url}/readyz")
        return status, json.loads(body)

    def left(self) -> dict[int, str]:
        """Count heads: the processes that belong to this home, with their command lines."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                mine = f"PARLEY_HOME={self.home}".encode() in (folder / "environ").read_bytes()
                if line and (mine or str(self.home) in line):
                    found[int(folder.name)] = line[:120]
        return found

    def interrupt(self) -> float:
        """Press Ctrl-C, which the whole process group feels; returns the seconds until its end."""
        assert self.process is not None
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(PATIENCE_S)
        return time.monotonic() - began

    def demolish(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        for pid in self.left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)


def wait_for(fact: Callable[[], Any], what: str) -> Any:
    """Wait until something is true and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := fact()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(0.1)
    return found


def get(url: str, cookies: http.cookiejar.CookieJar | None = None) -> tuple[int, str]:
    """Fetch a page, following redirects; refusals are answers too."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    try:
        with opener.open(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
