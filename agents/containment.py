"""What an agent's program is shut into: bubblewrap's namespaces, and as root a user of its own.

Where bubblewrap cannot run, a program is refused unless an operator allows it in words, or it is
one that Parley itself brings along (a rehearsal). What a program may use up is in `cgroups`.
"""

import json
import logging
import os
import select
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from django.conf import settings

from agents import boxes, cgroups, processes
from agents.boxes import Box
from agents.git.run import SYSTEM_PATH
from agents.processes import Child, Finished, Limits, RunAs, Setting
from hub import identify, registry
from hub.embedded.account import system_user
from hub.embedded.layout import EmbeddedError
from hub.errors import Unavailable
from hub.models import HOUSE
from hub.text import clip

SYSTEM_USER = "parley-agents"
SENTENCE = "agents may run without containment"
PROBE = Limits(timeout_s=20, head_bytes=2_000, merge=True)
BORN_S = 10.0  # for the namespace to say that it is there
GONE_S = 10.0  # for the namespace to be empty after its program has ended
LOOK_S = 0.005
NOT_BEGUN = (1, cgroups.NOT_ENTERED)  # how bubblewrap, or the way into a group, says that it failed

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What holds the programs of agents on this machine; `trouble` says why nothing does."""

    trouble: str
    processes: str
    memory: str

    @property
    def is_contained(self) -> bool:
        return not self.trouble

    @property
    def words(self) -> str:
        """Say in one sentence what holds, and what is not bounded."""
        bounds = f"processes: {self.processes}; memory: {self.memory}"
        if self.is_contained:
            return f"Agents' commands run contained by bubblewrap; {bounds}."
        if is_allowed():
            return f"Agents run without containment: {self.trouble}; {bounds}."
        return f"Agents' commands are refused, but for rehearsals: {self.trouble}."


def is_allowed() -> bool:
    """Tell whether an operator has allowed, in words, that agents run without containment."""
    return bool(settings.PARLEY_UNCONTAINED == SENTENCE)


@cache
def user() -> RunAs | None:
    """Give the user that agents' programs run as: as root one made for them, else ourselves.

    Raises Unavailable `containment.missing` when root cannot make it.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = system_user(SYSTEM_USER, f"Make a system user named {SYSTEM_USER}.")
    except EmbeddedError as error:
        raise Unavailable(str(error), code="containment.missing") from error
    return RunAs(uid=entry.pw_uid, gid=entry.pw_gid)


@cache
def look() -> Holding:
    """Find out, once in a process, what holds here; by trying it, not by looking for programs."""
    trouble = _trouble()
    is_root = os.geteuid() == 0
    counted = is_root or not trouble  # else a limit would count the hub's own as well
    grouped = not (is_root and trouble)  # the agents' user may not enter a group of root's
    return Holding(
        trouble=trouble,
        processes=(grouped and cgroups.process_words()) or boxes.process_words(is_counted=counted),
        memory=(grouped and cgroups.memory_words()) or boxes.memory_words(),
    )


def report() -> str:
    """Write what holds here where pages and the house's log show it; give it in words."""
    holding = look()
    registry.call(
        identify.of_hub(HOUSE, "command"),
        "target.report",
        {
            "target": settings.PARLEY_TARGET,
            "is_contained": holding.is_contained,
            "is_allowed": is_allowed(),
            "words": clip(holding.words, 400),
        },
    )
    return holding.words


def run(box: Box, program: Sequence[str], setting: Setting, limits: Limits) -> Finished:
    """Run a program of an agent in its box, or without one where that is allowed.

    `setting.on_start` hears of a process whose end is the end of all that the program started;
    contained, nothing of it is left when this returns. Raises OSError,
    Unavailable `containment.missing` where it cannot be contained and may not run without.
    """
    holding = look()
    if holding.is_contained:
        return _run_contained(box, program, setting, limits)
    if not (box.is_our_own or is_allowed()):
        raise Unavailable(
            f"Commands of agents are refused: {holding.trouble}. Install bubblewrap (on Debian: "
            f'apt-get install bubblewrap), or set PARLEY_UNCONTAINED="{SENTENCE}".',
            code="containment.missing",
        )
    argv = boxes.limited(box, program)
    if box.user:
        return processes.run(argv, replace(setting, user=box.user), limits)
    with cgroups.group() as group:
        return processes.run([*group.enter, *argv], setting, limits)


def _run_contained(box: Box, program: Sequence[str], setting: Setting, limits: Limits) -> Finished:
    """Run it in a PID namespace of its own, and wait until that is empty."""
    with _Birth(setting) as birth, cgroups.group() as group:
        argv = boxes.wrapped(box, program, status_fd=birth.writer)
        started = replace(setting, fds=(birth.writer,), on_start=birth.started)
        try:
            done = processes.run([*group.enter, *argv], started, limits)
        finally:
            birth.wait_for_end()
        if done.exit_code not in NOT_BEGUN or birth.has_run:
            return done
    words = (done.output + done.errors).decode("utf-8", "replace").strip()
    raise Unavailable(f"The command could not be contained: {words}", code="containment.failed")


class _Birth:
    """Learns from bubblewrap which process is the first of the new namespace.

    The kernel ends a PID namespace with its first process, whatever the others did (they may
    have forked twice, left their session, ignored TERM), and reaps it as the last one.
    Source: pid_namespaces(7); bwrap(1), --json-status-fd.
    """

    def __init__(self, setting: Setting) -> None:
        self.first: Child | None = None
        self._said = b""
        self._on_start = setting.on_start

    def __enter__(self) -> "_Birth":
        self._reader, self.writer = os.pipe()
        self._writer: int | None = self.writer
        os.set_blocking(self._reader, False)
        return self

    def __exit__(self, *exc: object) -> None:
        self._close_writer()
        os.close(self._reader)

    @property
    def has_run(self) -> bool:
        """Tell whether the program itself began, when all has ended; only then there is a code."""
        self._read(until=b"exit-code", patience_s=0)
        return b"exit-code" in self._said

    def started(self, outer: Child) -> None:
        """Hear of bubblewrap's own process, and tell whoever listens of the inner one."""
        self._close_writer()
        self._read(until=b"}", patience_s=BORN_S)
        with suppress(ValueError, KeyError, TypeError):
            pid = int(json.loads(self._said.partition(b"\n")[0])["child-pid"])
            self.first = Child(pid=pid, start_ticks=processes.start_ticks(pid))
        if self._on_start:
            self._on_start(self.first or outer)

    def wait_for_end(self) -> None:
        """Wait until nothing of the namespace is left; kill what should have ended by itself."""
        if self.first is None:
            return
        deadline = time.monotonic() + GONE_S
        while processes.is_running(self.first):
            processes.kill(self.first)
            if time.monotonic() > deadline:
                logger.error("process %d of an agent does not end", self.first.pid)
                return
            time.sleep(LOOK_S)

    def _read(self, *, until: bytes, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while until not in self._said:
            left_s = max(0.0, deadline - time.monotonic())
            if not select.select([self._reader], [], [], left_s)[0]:
                return
            chunk = os.read(self._reader, 4096)
            if not chunk:
                return
            self._said += chunk

    def _close_writer(self) -> None:
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None


def _trouble() -> str:
    """Say what keeps a program from being contained here; empty when nothing does."""
    if boxes.bubblewrap() is None:
        return "bubblewrap is not installed"
    try:
        owner = user()
    except Unavailable as error:
        return error.message.rstrip(".")
    if owner and not shutil.which("setpriv", path=SYSTEM_PATH):
        return "setpriv (of util-linux) is not installed"
    with tempfile.TemporaryDirectory(prefix="parley-probe-") as folder:
        if owner:
            os.chown(folder, owner.uid, owner.gid)
        box = Box(path=Path(folder), writable=(Path(folder),), user=owner)
        setting = Setting(cwd=Path(folder), env={"PATH": SYSTEM_PATH})
        try:
            done = _run_contained(box, ["/bin/true"], setting, PROBE)
        except (OSError, Unavailable) as error:
            return f"bubblewrap cannot run here ({error})"
    words = done.output.decode("utf-8", "replace").strip()
    return "" if done.exit_code == 0 else f"bubblewrap cannot run here ({words or 'no reason'})"
