"""The house that is measured: a database of its own, and a web server on a free loopback port."""

import os
import resource
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from hub import embedded
from hub.management.house import open_door
from hub.management.parts import parts_of
from hub.management.processes import LEASH

PATIENCE_S = 60.0
GRACE_S = 10.0
OPEN_FILES = 8_192


@contextmanager
def fresh(database_url: str) -> Iterator[dict[str, str]]:
    """Make an empty database, give the environment that leads to it, and remove it again.

    Without a URL it is an embedded Postgres with fsync on; else a database beside the given one.
    """
    folder = Path(tempfile.mkdtemp(prefix="parley-bench-"))
    folder.chmod(0o711)  # the database's user passes through when we are root
    common = {"PARLEY_HOME": str(folder), "PARLEY_SECRET_KEY": secrets.token_urlsafe(32)}
    try:
        if database_url:
            with _beside(database_url) as url:
                yield {**os.environ, **common, "DATABASE_URL": url}
        else:
            embedded.start(folder)
            rest = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
            yield {**rest, **common}
    finally:
        if not database_url:
            embedded.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _beside(url: str) -> Iterator[str]:
    name = f"parley_bench_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as maintenance:
        maintenance.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            parts = urlsplit(url)
            yield urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            maintenance.execute(drop)


@contextmanager
def web() -> Iterator[tuple[str, int]]:
    """Run the web server that `manage.py up` runs; gives its address once it answers."""
    allow_many_files()
    door = open_door("127.0.0.1:0")
    address: tuple[str, int] = door.getsockname()[:2]
    (part, *_) = parts_of(["web"], os.environ, door.fileno())
    leash = (sys.executable, "-I", "-S", str(LEASH), str(os.getpid()))
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [*leash, *part.argv],
        env=dict(part.env),
        cwd=part.cwd,
        pass_fds=part.fds,
        stdout=sys.stderr,
    )
    door.close()
    try:
        _wait_for(address, process)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(address: tuple[str, int], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    url = f"http://{address[0]}:{address[1]}/healthz"
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S):
                return
        except (TimeoutError, urllib.error.URLError):
            time.sleep(0.05)
    raise RuntimeError("the web server did not start")


def allow_many_files() -> None:
    """Let this process and its children have a socket for each reader."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def again(environment: Mapping[str, str], *argv: str) -> int:
    """Run this program once more with another environment; returns its exit code."""
    return subprocess.run([sys.executable, *argv], env=dict(environment), check=False).returncode  # noqa: S603
