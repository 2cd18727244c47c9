"""One Postgres server: make its data folder, start it, find it, end it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from hub.embedded.account import Account
from hub.embedded.install import Programs
from hub.embedded.layout import DATABASE, PORT, ROLE, SOCKET_NAME, EmbeddedError, Layout

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10.0
ORPHAN_TIMEOUT_S = 5.0
START_TRIES = 3
LOG_FILES_MAX = 4
LOG_FILE_KILOBYTES = 5 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A data folder with what runs it; `fsync` off only where losing the data is fine."""

    layout: Layout
    account: Account
    programs: Programs
    data: Path
    sockets: Path
    fsync: bool
    max_connections: int

    def program(self, name: str) -> Path:
        return self.programs.folder / name

    def settings(self) -> dict[str, str]:
        """What differs from the built-in values; `ALTER SYSTEM` still wins over these.

        Statements and row values stay out of the log: they may hold secrets.
        """
        return {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{self.sockets}"',
            "unix_socket_permissions": "0700",
            "max_connections": str(self.max_connections),
            "shared_buffers": "128MB",
            "fsync": "on" if self.fsync else "off",
            "full_page_writes": "on" if self.fsync else "off",
            "synchronous_commit": "on",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "on",
            "log_directory": str(self.layout.log),
            "log_filename": "postgres-%Y%m%d-%H%M%S.log",
            "log_rotation_size": f"{LOG_FILE_KILOBYTES}kB",
            "log_rotation_age": "1d",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_checkpoints": "off",
        }


def init(server: Server) -> None:
    """Make a new, empty data folder whose superuser is our role; an old one there is removed."""
    shutil.rmtree(server.data, ignore_errors=True)
    server.account.make(server.data)
    for locale in ("C.UTF-8", "C"):  # some systems lack the first
        code, said = server.account.run(
            server.program("initdb"),
            *("--pgdata", server.data, "--username", ROLE, "--encoding", "UTF8"),
            *("--locale", locale, "--auth", "trust"),
            *(() if server.fsync else ("--no-sync",)),
        )
        if code == 0:
            return
    raise EmbeddedError(f"initdb failed in {server.data}: {_tail(said)}")


def launch(server: Server) -> None:
    """Start the server in the background, on its own feet, and wait until it takes connections.

    Clears what a crash left: orphaned backends, a pid file whose number another program got.
    """
    _clear_crash(server)
    lines = [f"{name} = '{value}'" for name, value in server.settings().items()]
    server.layout.conf.write_text("\n".join(lines) + "\n")
    server.layout.conf.chmod(0o644)
    for attempt in range(1, START_TRIES + 1):
        server.layout.start_log.unlink(missing_ok=True)
        code, said = server.account.run(
            server.program("pg_ctl"),
            *("start", "--wait", "--silent", "--timeout", str(START_TIMEOUT_S)),
            *("--log", server.layout.start_log),
            *("--options", f'-c config_file="{server.layout.conf}"'),
            env={"PGDATA": str(server.data)},
            timeout_s=START_TIMEOUT_S + 10,
        )
        if code == 0:
            return
        reason = _read(server.layout.start_log) or said
        if "shared memory" not in reason or attempt == START_TRIES:
            raise EmbeddedError(
                f"Postgres did not start in {server.data}: {_tail(reason)} "
                f"(more in {server.layout.log})"
            )
        time.sleep(1)


def halt(layout: Layout, data: Path) -> None:
    """End the server of a data folder: fast, after 10 s immediately, then by force."""
    pid = running_pid(layout, data)
    if pid is None:
        return
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if _wait(partial(_is_gone, pid, layout), STOP_TIMEOUT_S):
            return
    raise EmbeddedError(f"Postgres (process {pid}) of {data} does not end.")


def running_pid(layout: Layout, data: Path) -> int | None:
    """Tell the process of a running server, None when it is down or its pid file is stale."""
    pid = _pid_in(data / "postmaster.pid")
    return pid if pid is not None and _is_postmaster(pid, layout) else None


def answers(url: str) -> bool:
    """Tell whether a database takes connections."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def ensure_database(layout: Layout) -> None:
    """Wait for a running server and make our database when it is missing."""
    maintenance = layout.url.replace(f"/{DATABASE}?", "/postgres?", 1)
    if not _wait(lambda: answers(maintenance), START_TIMEOUT_S):
        raise EmbeddedError(
            f"Postgres in {layout.data} runs but takes no connection after {START_TIMEOUT_S} s; "
            f"its log is in {layout.log}."
        )
    with psycopg.connect(maintenance, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def prune_logs(layout: Layout) -> None:
    """Keep the newest log files; each is cut at 5 MB by the server."""
    with suppress(OSError):  # another process prunes too
        for old in sorted(layout.log.glob("postgres-*.log"))[:-LOG_FILES_MAX]:
            old.unlink()


def _clear_crash(server: Server) -> None:
    orphans = _orphans(server.data)
    if orphans and not _wait(lambda: not _orphans(server.data), ORPHAN_TIMEOUT_S):
        for number in (signal.SIGQUIT, signal.SIGKILL):
            for pid in _orphans(server.data):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            if _wait(lambda: not _orphans(server.data), 2):
                break
    for lock in (server.data / "postmaster.pid", server.sockets / f"{SOCKET_NAME}.lock"):
        holder = _pid_in(lock)
        if holder is not None and _exists(holder):
            # Postgres takes any living process of this number for a server and refuses to start.
            lock.unlink(missing_ok=True)


def _orphans(data: Path) -> list[int]:
    """Backends that outlived their server: programs named postgres that work in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "comm").read_text() == "postgres\n" and data.samefile(process / "cwd"):
                found.append(int(process.name))
    return found


def _is_gone(pid: int, layout: Layout) -> bool:
    return not _is_postmaster(pid, layout)


def _is_postmaster(pid: int, layout: Layout) -> bool:
    """Tell whether a process is a server of this home, by its command line.

    The working folder would tell more, but root in a container may not read it.
    """
    told = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            line = told.read_bytes()
        except OSError:
            return False
    else:
        line = subprocess.run(  # noqa: S603
            ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False
        ).stdout
    return f"config_file={layout.conf}".encode() in line


def _pid_in(path: Path) -> int | None:
    """Read the number in the first line of a pid or lock file."""
    line = _read(path).split("\n", 1)[0].strip()
    return int(line) if line.isdecimal() and int(line) > 1 else None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _read(path: Path) -> str:
    """Read a small file of the database's folder, never through a link; empty when it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    with os.fdopen(descriptor, errors="replace") as file:
        return file.read(1_000_000)


def _tail(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-4:]) or "it said nothing."


def _wait(fact: Callable[[], bool], patience_s: float) -> bool:
    """Wait until a fact holds; False when it does not in time."""
    deadline = time.monotonic() + patience_s
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
