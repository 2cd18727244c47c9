"""Keep a set of programs running: print what they say, restart what ends, stop all of them.

Printing and starting are honcho's. Its Manager stops everything when one program ends, which is
the opposite of what a house needs, so the loop is our own.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TextIO

from honcho.colour import get_colours
from honcho.printer import Message, Printer
from honcho.process import Popen

FIRST_DELAY_S = 1.0
LAST_DELAY_S = 30.0
STEADY_S = 60.0  # a program that ran this long starts again after the first delay
GRACE_S = 5.0  # between asking the programs to end and killing them
KILL_GRACE_S = 2.0
TICK_S = 0.1
LINE_BYTES = 64 * 1024
OURSELVES = "up"
LEASH = Path(__file__).with_name("leash.py")
PR_SET_CHILD_SUBREAPER = 36  # Source: prctl(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One program of the house. `env` is the whole environment; `fds` stay open in it."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    fds: tuple[int, ...] = ()


@dataclass(slots=True)
class _Child:
    """A part and its present process; times are monotonic seconds."""

    part: Part
    colour: str
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0


def delay_s(failures: int) -> float:
    """Say how long to wait before a program starts again, after so many ends in a row."""
    return min(FIRST_DELAY_S * 2.0 ** min(failures, 10), LAST_DELAY_S)


class Ending:
    """Counts the signals that ask for the end: one asks, two hurry. A handler only counts."""

    def __init__(self) -> None:
        self.asked = 0

    def listen(self) -> None:
        """Take SIGINT, SIGTERM and SIGHUP (the terminal was closed) from now on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._count)

    def _count(self, *_: object) -> None:
        self.asked += 1


class Supervisor:
    """Runs parts until the end is asked for.

    At the end every process below this one is killed, but for the one named by `spare`.
    """

    def __init__(
        self, parts: list[Part], ending: Ending, out: TextIO, *, spare: int | None = None
    ) -> None:
        colours = get_colours()
        self._children = [_Child(part, next(colours)) for part in parts]
        width = max(len(name) for name in (OURSELVES, *(part.name for part in parts)))
        self._printer = Printer(out, width=width)
        self._lines: SimpleQueue[Message] = SimpleQueue()
        self._spare = spare
        self._ending = ending

    def say(self, text: str) -> None:
        """Print lines of our own; any thread may."""
        self._lines.put(_message(OURSELVES, text, None))

    def run(self) -> None:
        """Start the parts and keep them running; returns when nothing is left of them."""
        _adopt_orphans()
        try:
            while not self._ending.asked:
                for child in self._children:
                    self._look_after(child)
                _bury(self._pids())
                self._print(TICK_S)
        finally:
            self._end()

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.due_at:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            return
        if now - child.started_at >= STEADY_S:
            child.failures = 0
        wait_s = delay_s(child.failures)
        child.process, child.due_at = None, now + wait_s
        child.failures += 1
        self.say(f"{child.part.name} {how_it_ended(code)}; starts again in {wait_s:g} s")

    def _start(self, child: _Child) -> None:
        part = child.part
        leash = (sys.executable, "-I", "-S", str(LEASH), str(os.getpid()))
        child.started_at = time.monotonic()
        child.process = Popen(
            [*leash, *part.argv],
            shell=False,
            stdin=subprocess.DEVNULL,
            env=dict(part.env),
            cwd=part.cwd,
            pass_fds=part.fds,
        )
        self.say(f"{part.name} started (process {child.process.pid})")
        threading.Thread(target=self._read, args=(child, child.process), daemon=True).start()

    def _read(self, child: _Child, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            while line := output.readline(LINE_BYTES):
                if line.strip():
                    self._lines.put(_message(child.part.name, line, child.colour))

    def _print(self, patience_s: float) -> None:
        """Print what waits, and wait a moment for something when nothing does."""
        with suppress(Empty):
            self._printer.write(self._lines.get(timeout=patience_s))
            while True:
                self._printer.write(self._lines.get_nowait())

    def _end(self) -> None:
        """End everything that was started here, by force where asking does not help."""
        began = time.monotonic()
        self._send(signal.SIGTERM)
        asked, deadline = self._ending.asked, began + GRACE_S
        while self._pids() and time.monotonic() < deadline and self._ending.asked <= asked:
            with suppress(OSError):  # the terminal may be gone
                self._print(TICK_S)
        self._send(signal.SIGKILL)
        kill_descendants(KILL_GRACE_S, self._spare)
        self._pids()
        self.say(f"every program has ended after {time.monotonic() - began:.1f} s")
        with suppress(OSError):
            self._print(0)

    def _pids(self) -> set[int]:
        """List the processes of the parts that still run; takes note of those that ended."""
        running = [one.process for one in self._children if one.process is not None]
        return {process.pid for process in running if process.poll() is None}

    def _send(self, number: signal.Signals) -> None:
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def how_it_ended(code: int) -> str:
    """Say in words how a program ended; a negative code is a signal's number."""
    if code >= 0:
        return f"ended with {code}"
    return f"was ended by {signal.Signals(-code).name}"


def children_of() -> dict[int, str]:
    """List our child processes, zombies included, with their state letter.

    Empty where there is no /proc. Source: proc(5), fields 3 and 4 of stat.
    """
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text("ascii", "replace").rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid():
                found[int(path.parent.name)] = state
    return found


def kill_descendants(patience_s: float, spare: int | None = None) -> None:
    """Kill every process below this one; a killed one's children come up to us and follow.

    `spare` and what is below it stay. What is not gone after `patience_s` is held by the kernel.
    """
    deadline = time.monotonic() + patience_s
    while children := {pid: state for pid, state in children_of().items() if pid != spare}:
        for pid, state in children.items():
            if state != "Z":
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)


def _adopt_orphans() -> None:
    """Become the parent of grandchildren whose parent ends, so that `stop` finds them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def _bury(own: set[int]) -> None:
    """Take note of adopted processes that ended; they stay as zombies otherwise."""
    while True:
        try:
            done = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if done is None or done.si_pid in own:
            return
        os.waitpid(done.si_pid, os.WNOHANG)


def _message(name: str, text: str | bytes, colour: str | None) -> Message:
    return Message(
        type="line", data=text, time=datetime.now().astimezone(), name=name, colour=colour
    )
