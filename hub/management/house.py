"""What a house needs before its programs start: its lock, its key, its database, its address."""

import fcntl
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import psycopg
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections

from hub import embedded
from hub.embedded import server
from hub.embedded.layout import layout_of
from hub.settings import secret_key

KEY_BYTES = 50
BACKLOG = 1024
OLD_JOB_S = 60.0
# One number for everybody who migrates this database; any other program's locks stay apart.
MIGRATION_LOCK = 0x7061726C6579


@contextmanager
def only_one(home: Path, parts: list[str]) -> Iterator[None]:
    """Hold the home, or refuse when another `manage.py up` runs the same parts of it.

    With the embedded Postgres the home is held as a whole: whoever ends would stop the others'.
    """
    home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    names = parts if settings.DATABASE_URL else ["house"]
    with ExitStack() as held:
        for name in names:
            file = held.enter_context((home / f"up-{name}.lock").open("a+"))
            _hold(file, home)
        yield


def _hold(file: IO[str], home: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        raise CommandError(
            f"Parley runs already in {home} (process {holder}). Stop it with Ctrl-C, "
            "or set PARLEY_HOME to another folder."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()


def make_secret_key(home: Path) -> None:
    """Make the home's secret key unless there is one, readable for its owner only; then use it."""
    if not secret_key(home):
        fresh, stored = home / f"secret-key.{os.getpid()}", home / "secret-key"
        fresh.touch(mode=0o600, exist_ok=False)
        fresh.write_text(secrets.token_urlsafe(KEY_BYTES), encoding="ascii")
        with suppress(FileExistsError):  # another process was faster
            os.link(fresh, stored)
        fresh.unlink()
    settings.SECRET_KEY = secret_key(home)


@contextmanager
def database(home: Path) -> Iterator[None]:
    """Have the database running: the embedded one is started, and stopped again at the end.

    For whoever holds `only_one`. A Postgres that was running before is left running, unless the
    `manage.py up` that started it was killed: then it is ours. Raises CommandError.
    """
    if settings.DATABASE_URL:
        yield
        return
    ours = home / "postgres-is-ours"
    try:
        if not embedded.is_running(home):
            ours.touch()
        embedded.start(home)
        yield
    except embedded.EmbeddedError as error:
        raise CommandError(str(error)) from error
    finally:
        if ours.exists():
            embedded.stop(home)
            ours.unlink()


@contextmanager
def borrowed_database(home: Path) -> Iterator[None]:
    """Have the database running for one command: that of a running house, or for this time only."""
    if settings.DATABASE_URL or embedded.is_running(home):
        yield
        return
    with only_one(home, []), database(home):
        yield


def prepare_database(*, demo: bool) -> None:
    """Migrate and seed, one process at a time, whatever the number of machines that start now."""
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold", "pool", "options"):
        parameters.pop(ours, None)
    try:
        with psycopg.connect(**parameters, autocommit=True) as dedicated:
            dedicated.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
            call_command("migrate", verbosity=0, interactive=False)
            call_command("seed", demo=demo, verbosity=0)
    except psycopg.OperationalError as error:
        raise CommandError(f"The database does not answer: {error}") from error


def leave_database() -> None:
    """Close this process's connections, so that only the programs hold some."""
    connections.close_all()
    connection.close_pool()  # type: ignore[attr-defined]


def clear_broker(home: Path) -> None:
    """Forget the jobs that an earlier run left in the file-system broker: they are only hints.

    Young ones stay: they may be meant for programs of this home that another `up` runs.
    """
    for path in (home / "broker" / "queue").glob("*"):
        with suppress(FileNotFoundError):  # a worker takes it just now
            if time.time() - path.stat().st_mtime > OLD_JOB_S:
                path.unlink()


def open_door(bind: str) -> socket.socket:
    """Listen on `host:port` (`[::1]:8000` for IPv6); port 0 takes a free one.

    The programs inherit the socket: while web starts again, browsers wait instead of being refused.
    Raises CommandError in words for a taken port and a bad address.
    """
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise CommandError(f"PARLEY_BIND must be host:port, such as 127.0.0.1:8000, not {bind!r}.")
    host = host.strip("[]")
    door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets inherit this. uvicorn takes an inherited door for a Unix socket and leaves it
    # out, and then each answer of two packets waits 40 ms for the client's delayed ACK.
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        door.bind((host, int(port)))
        door.listen(BACKLOG)
    except OSError as error:
        door.close()
        raise CommandError(
            f"Parley cannot listen on {bind}: {error.strerror or error}. "
            "Stop what uses the port, or set PARLEY_BIND=127.0.0.1:8001."
        ) from error
    return door


def address_of(door: socket.socket) -> str:
    """Write a listening socket's address as `host:port`."""
    host, port = door.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def program(*argv: str) -> tuple[str, ...]:
    """Name a module of this Python as a command."""
    return (sys.executable, "-m", *argv)


def database_pid(home: Path) -> int | None:
    """Tell the process of the embedded Postgres; None when another server is used."""
    if settings.DATABASE_URL:
        return None
    layout = layout_of(home)
    return server.running_pid(layout, layout.data)
