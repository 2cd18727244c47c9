"""Run a program with bounded time and output; what may run, and where, is decided elsewhere."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

TERM_GRACE_S = 2.0  # between asking a process group to stop and killing it
DRAIN_S = 0.3  # for the last output of a program whose background children keep the pipe open
POLL_S = 0.05
CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class RunAs:
    """The system user a program runs as; only root can hand over to another one."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A started program as another process can find it again: the pid alone may be reused.

    `start_ticks` is field 22 of /proc/<pid>/stat, 0 where there is no /proc.
    """

    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where, with which environment and as whom a program runs.

    `env` is the whole environment, nothing is inherited but the open files `fds`. `on_start`
    hears of the child before it is waited for, so that it can be recorded and killed by whoever
    takes over.
    """

    cwd: Path
    env: Mapping[str, str]
    user: RunAs | None = None
    on_start: Callable[[Child], None] | None = None
    fds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a program may run and how much of its output is kept.

    Of each stream the first `head_bytes` and the last `tail_bytes` are kept. `stop_at_limit`
    ends the program once something had to be dropped. `merge` puts stderr into stdout.
    """

    timeout_s: float
    head_bytes: int
    tail_bytes: int = 0
    stop_at_limit: bool = False
    merge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended; `exit_code` is None when it was stopped, -n when signal n ended it."""

    exit_code: int | None
    output: bytes
    errors: bytes
    timed_out: bool
    truncated: bool
    seconds: float


@dataclass(slots=True)
class Kept:
    """The head and the tail of a stream, whatever its length."""

    head_bytes: int
    tail_bytes: int
    total: int = 0
    _head: bytearray = field(default_factory=bytearray)
    _tail: bytearray = field(default_factory=bytearray)

    def add(self, chunk: bytes) -> None:
        self.total += len(chunk)
        room = self.head_bytes - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        del self._tail[: max(0, len(self._tail) - self.tail_bytes)]

    @property
    def dropped(self) -> int:
        return self.total - len(self._head) - len(self._tail)

    def value(self) -> bytes:
        if not self.dropped:
            return bytes(self._head + self._tail)
        if not self.tail_bytes:
            return bytes(self._head)
        mark = b"\n[... %d bytes left out ...]\n" % self.dropped
        return bytes(self._head + mark + self._tail)


def run(argv: Sequence[str], setting: Setting, limits: Limits, stdin: bytes = b"") -> Finished:
    """Run a program to its end, or stop it and all of its process group.

    Nothing of the group is left when this returns, background children included; a program
    that starts a session of its own escapes this, and only a PID namespace catches it: see
    `containment`.
    Raises OSError when the program cannot be started.
    """
    started = time.monotonic()
    user = setting.user
    process = subprocess.Popen(  # noqa: S603 - argv is built by the caller, never by a shell
        argv,
        cwd=setting.cwd,
        env=dict(setting.env),
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if limits.merge else subprocess.PIPE,
        start_new_session=True,
        umask=0o022,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
        pass_fds=setting.fds,
    )
    output = Kept(limits.head_bytes, limits.tail_bytes)
    errors = Kept(limits.head_bytes, limits.tail_bytes)
    try:
        if setting.on_start:
            setting.on_start(Child(pid=process.pid, start_ticks=start_ticks(process.pid)))
        timed_out, stopped = _exchange(process, (output, errors), stdin, limits)
    finally:
        _end_group(process.pid)
        exit_code = process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            _close(stream)
    return Finished(
        exit_code=None if timed_out or stopped else exit_code,
        output=output.value(),
        errors=errors.value(),
        timed_out=timed_out,
        truncated=bool(output.dropped or errors.dropped),
        seconds=time.monotonic() - started,
    )


def start_ticks(pid: int) -> int:
    """Say when a process started, in clock ticks since boot; 0 when it is gone or unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(stat.rpartition(b")")[2].split()[19])


def kill(child: Child) -> bool:
    """Stop a recorded child and its group at once; False when that very process is gone."""
    if not child.start_ticks or start_ticks(child.pid) != child.start_ticks:
        return False
    in_group = _signal_group(child.pid, signal.SIGKILL)
    return _signal(child.pid, signal.SIGKILL) or in_group  # it may not lead its group yet


def is_running(child: Child) -> bool:
    """Tell whether that very process is there and no zombie. Source: proc(5), stat field 3."""
    if not child.start_ticks or start_ticks(child.pid) != child.start_ticks:
        return False
    try:
        stat = Path(f"/proc/{child.pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] != b"Z"


def _exchange(
    process: subprocess.Popen[bytes], kept: tuple[Kept, Kept], stdin: bytes, limits: Limits
) -> tuple[bool, bool]:
    """Feed and read the program; answer (ran out of time, stopped for its output)."""
    deadline = time.monotonic() + limits.timeout_s
    pending = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        _register(selector, process, kept)
        while selector.get_map():
            for key, _ in selector.select(POLL_S):
                if key.fileobj is process.stdin:
                    pending = _feed(selector, process.stdin, pending)
                else:
                    _read(selector, key)
            if limits.stop_at_limit and any(one.dropped for one in kept):
                return False, True
            if time.monotonic() > deadline:
                break
            if _has_exited(process.pid):
                deadline = min(deadline, time.monotonic() + DRAIN_S)
    return not _wait_for_exit(process.pid, deadline), False


def _register(
    selector: selectors.BaseSelector, process: subprocess.Popen[bytes], kept: tuple[Kept, Kept]
) -> None:
    for stream, one in zip((process.stdout, process.stderr), kept, strict=True):
        if stream is not None:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, one)
    if process.stdin is not None:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)


def _feed(selector: selectors.BaseSelector, stream: IO[bytes], pending: memoryview) -> memoryview:
    try:
        pending = pending[os.write(stream.fileno(), pending[:CHUNK_BYTES]) :]
    except BlockingIOError:
        return pending
    except BrokenPipeError:  # it stopped reading; its exit code says whether that was right
        pending = pending[:0]
    if not pending:
        selector.unregister(stream)
        _close(stream)
    return pending


def _read(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    chunk = os.read(key.fd, CHUNK_BYTES)
    if chunk:
        key.data.add(chunk)
    else:
        selector.unregister(key.fileobj)


def _has_exited(pid: int) -> bool:
    """Look without reaping: while it is a zombie its group id cannot be given to others."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _wait_for_exit(pid: int, deadline: float) -> bool:
    while not _has_exited(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S / 10)
    return True


def _end_group(pid: int) -> None:
    """TERM the group, give its leader a moment, KILL what is left."""
    if not _has_exited(pid):
        _signal_group(pid, signal.SIGTERM)
        _wait_for_exit(pid, time.monotonic() + TERM_GRACE_S)
    _signal_group(pid, signal.SIGKILL)


def _signal_group(pid: int, number: signal.Signals) -> bool:
    return _sent(os.killpg, pid, number)


def _signal(pid: int, number: signal.Signals) -> bool:
    return _sent(os.kill, pid, number)


def _sent(send: Callable[[int, int], None], pid: int, number: signal.Signals) -> bool:
    try:
        send(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        try:
            stream.close()
        except BrokenPipeError:
            pass
