"""Processes that a test can tell from all others, whatever became of their parents."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from tests.hub.running import wait_for


class Mark:
    """A length of sleep that nobody else sleeps: seen in the command lines of all processes."""

    def __init__(self) -> None:
        self.seconds = f"{600 + secrets.randbelow(300)}.{secrets.randbelow(10**9):09}"

    @property
    def sleep(self) -> str:
        """Give the command of a process that stays."""
        return f"sleep {self.seconds}"

    def pids(self) -> list[int]:
        """Find the processes that sleep so now, zombies left out: they have no command line."""
        wanted = self.sleep.replace(" ", "\0").encode() + b"\0"
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (folder / "cmdline").read_bytes() == wanted:
                    found.append(int(folder.name))
        return found

    left = pids

    def wait(self, count: int) -> list[int]:
        """Wait until so many are there."""
        wait_for(lambda: len(self.pids()) >= count, f"{count} processes that sleep")
        return self.pids()

    def clear(self) -> None:
        """Kill what a test has left."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
