"""The house that is measured: a database of its own, a web server on a free port, workers."""

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
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from hub import embedded
from hub.management.house import open_door
from hub.management.parts import ROLES, parts_of
from hub.management.processes import LEASH, Part

PATIENCE_S = 60.0
SESSIONS = "parley-bench-sessions"  # application_name of the sessions worker's connections
ELSEWHERE = ("DATABASE_URL", "CELERY_BROKER_URL")  # another house's workers would take our jobs
GRACE_S = 10.0
OPEN_FILES = 8_192


@contextmanager
def fresh(database_url: str) -> Iterator[dict[str, str]]:
    """Make an empty database, give the environment that leads to it, and remove it again.

    Without a URL it is an embedded Postgres with fsync on; else a database beside the given one.
    Jobs go through files in a folder of its own.
    """
    folder = Path(tempfile.mkdtemp(prefix="parley-bench-"))
    folder.chmod(0o711)  # the database's user passes through when we are root
    common = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    common |= {"PARLEY_HOME": str(folder), "PARLEY_SECRET_KEY": secrets.token_urlsafe(32)}
    common |= {"PARLEY_IRC_LISTEN": "127.0.0.1:0", "PARLEY_IRC_TLS_LISTEN": "off"}
    try:
        if database_url:
            with _beside(database_url) as url:
                yield {**common, "DATABASE_URL": url}
        else:
            embedded.start(folder)
            yield common
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
    with _running(part) as process:
        door.close()
        _wait_for(address, "healthz", [process])
        yield address


@contextmanager
def staff(address: tuple[str, int]) -> Iterator[None]:
    """Run the programs behind the web server, until it says that each of them works.

    They are those that `manage.py up` runs, but for the sessions worker's scripts (bench.worker).
    """
    with ExitStack() as stack:
        parts = parts_of([role for role in ROLES if role != "web"], os.environ, None)
        started = [stack.enter_context(_running(_known(part))) for part in parts]
        _wait_for(address, "readyz", started)
        yield


def _known(part: Part) -> Part:
    """Let the sessions worker find the bench's script, and its connections be told apart."""
    if part.name != "sessions":
        return part
    argv = tuple("bench.worker" if word == "hub.celery" else word for word in part.argv)
    return replace(part, argv=argv, env={**part.env, "PGAPPNAME": SESSIONS})


@contextmanager
def _running(part: Part) -> Iterator[subprocess.Popen[bytes]]:
    leash = (sys.executable, "-I", "-S", str(LEASH), str(os.getpid()))
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [*leash, *part.argv],
        env=dict(part.env),
        cwd=part.cwd,
        pass_fds=part.fds,
        stdout=sys.stderr,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(address: tuple[str, int], page: str, programs: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    url = f"http://{address[0]}:{address[1]}/{page}"
    while all(one.poll() is None for one in programs) and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S):
                return
        except (TimeoutError, urllib.error.URLError):
            time.sleep(0.05)
    raise RuntimeError(f"the house did not start: {url} does not say yes")


def allow_many_files() -> None:
    """Let this process and its children have a socket for each reader."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def again(environment: Mapping[str, str], *argv: str) -> int:
    """Run this program once more with another environment; returns its exit code."""
    return subprocess.run([sys.executable, *argv], env=dict(environment), check=False).returncode  # noqa: S603
