"""The test's side of the nursery: workers that are started, killed, and looked at."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


class Nursery:
    """A nursery that runs, and its children. `settings` are variables of its environment."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.words = folder / "children.log"
        self.alive: set[int] = set()
        self.program = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "hub.settings", **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> Any:
        assert self.program.stdin
        assert self.program.stdout
        self.program.stdin.write(json.dumps(request) + "\n")
        self.program.stdin.flush()
        line = self.program.stdout.readline()
        assert line, "the nursery has ended"
        return json.loads(line)

    def start(self, function: str, **arguments: Any) -> int:
        """Start a child that calls `module:function`; give its pid."""
        pid: int = self.ask(
            do="start", function=function, words=str(self.words), arguments=arguments
        )
        self.alive.add(pid)
        return pid

    def wait(self, pid: int, seconds: float = 120) -> int | None:
        """Wait for a child's end; give its exit code, -n for signal n, None when it goes on."""
        code: int | None = self.ask(do="wait", pid=pid, seconds=seconds)
        if code is not None:
            self.alive.discard(pid)
        return code

    def run(self, function: str, **arguments: Any) -> int | None:
        """Start a child and wait for its end."""
        return self.wait(self.start(function, **arguments))

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a child that has not been waited for."""
        assert pid in self.alive
        os.kill(pid, number)

    def said(self) -> str:
        """Give the last words of all children."""
        return self.words.read_text(errors="replace")[-6_000:] if self.words.exists() else ""

    def close(self) -> None:
        """End the children that are left, and the nursery."""
        for pid in self.alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self.program.stdin
        assert self.program.stdout
        self.program.stdin.close()
        self.program.wait(30)
        self.program.stdout.close()
