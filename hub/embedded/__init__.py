"""The bundled Postgres: start it in a home folder, stop it, find it.

It runs as one server for all processes of a home, outlives the one that started it, and listens
on a Unix socket that only its user may reach. This package imports neither Django nor the hub.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.embedded import account, install, server, upgrade
from hub.embedded.layout import EmbeddedError, Layout, layout_of

__all__ = ["EmbeddedError", "is_running", "start", "stop", "url"]

LOCK_TIMEOUT_S = 300.0


def start(home: Path, *, fsync: bool = True, max_connections: int = 200) -> str:
    """Start Postgres in a home unless it runs, and return its DATABASE_URL.

    Makes folder, data, role and database when they are missing, repairs what a crash left and
    upgrades data of an older major version. Options of a server that already runs do not change.
    Raises EmbeddedError.
    """
    layout = layout_of(home)
    if not server.answers(layout.url):
        try:
            _start_once(layout, fsync=fsync, max_connections=max_connections)
        except OSError as error:
            raise EmbeddedError(f"Postgres cannot start in {layout.root}: {error}") from error
    server.prune_logs(layout)
    return layout.url


def stop(home: Path) -> None:
    """Stop the Postgres of a home and wait for its end; no error when it is not running."""
    layout = layout_of(home)
    if server.running_pid(layout, layout.data) is not None:
        with _locked(layout):
            server.halt(layout, layout.data)


def is_running(home: Path) -> bool:
    """Tell whether the Postgres of a home runs; a stale pid file does not count."""
    layout = layout_of(home)
    return server.running_pid(layout, layout.data) is not None


def url(home: Path) -> str:
    """Name the DATABASE_URL of a home, running or not."""
    return layout_of(home).url


def _start_once(layout: Layout, *, fsync: bool, max_connections: int) -> None:
    account.make_root(layout)
    with _locked(layout):
        who = account.account()
        account.make_folders(layout, who)
        if server.running_pid(layout, layout.data) is None:
            wanted = server.Server(
                layout=layout,
                account=who,
                programs=install.newest(layout),
                data=layout.data,
                sockets=layout.sockets("run"),
                fsync=fsync,
                max_connections=max_connections,
            )
            upgrade.bring(wanted)
            server.launch(wanted)
        server.ensure_database(layout)


@contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    """Hold the home's lock, so that of several processes one starts, stops or upgrades."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    with layout.lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"Another process has held {layout.lock} for {LOCK_TIMEOUT_S:g} s; "
                        "is it upgrading the database? Try again later."
                    ) from None
                time.sleep(0.05)
        yield
