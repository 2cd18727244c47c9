"""Homes for the tests of the bundled Postgres; needs no Django."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hub import embedded

ROOT = Path(__file__).resolve().parents[3]
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")


@pytest.fixture
def base() -> Iterator[Path]:
    """A short folder that every user may pass: pytest's own is closed to the database's user."""
    folder = Path(tempfile.mkdtemp(prefix="pe-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    for home in [path.parent for path in folder.rglob("postgres") if path.is_dir()]:
        embedded.stop(home)
    shutil.rmtree(folder)


@pytest.fixture
def home(base: Path) -> Path:
    return base / "home"


def start(home: Path) -> str:
    return embedded.start(home, fsync=False, max_connections=20)


def ask(url, *statements):
    """Run statements in one session; returns the first value of the last one."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def write_down(url: str, said: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE note AS SELECT %s::text AS said", [said])


def postmaster(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().split()[0])


def modes(*paths):
    """The permissions and owners of paths and of all folders above them."""
    every = {folder for path in paths for folder in (path, *path.parents)}
    return {folder: folder.stat()[:1] + folder.stat()[4:6] for folder in every}


def run_python(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
        **options,
    )
