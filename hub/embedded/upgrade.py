"""Bring a data folder of another major version to ours: dump, make new, restore, keep the old."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hub.embedded import install
from hub.embedded.layout import PORT, ROLE, EmbeddedError, Layout
from hub.embedded.server import Server, halt, init, launch

DUMP_TIMEOUT_S = 4 * 3600
ALREADY_THERE = f'role "{ROLE}" already exists'


def major_of(data: Path) -> int | None:
    """Tell which major version made a data folder; None when there is none."""
    try:
        return int((data / "PG_VERSION").read_text().strip())
    except FileNotFoundError:
        return None


def bring(server: Server) -> None:
    """Leave a data folder of the server's own major version in place, whatever was there.

    A crash at any moment leaves the old folder, or a complete new one that the next call puts in
    place. Raises EmbeddedError when the data is newer than our programs or its own are gone.
    """
    layout = server.layout
    _finish(layout)
    major = major_of(layout.data)
    if major is None:
        init(replace(server, data=layout.fresh))
        layout.fresh.rename(layout.data)
    elif major > server.programs.major:
        raise EmbeddedError(
            f"The data in {layout.data} was made by PostgreSQL {major}, newer than the "
            f"{server.programs.major} at hand. Install the newer one, or set PARLEY_HOME to a "
            "new folder."
        )
    elif major < server.programs.major:
        _upgrade(server, install.of_major(layout, major))


def _upgrade(server: Server, old_programs: install.Programs) -> None:
    """Dump with the old server, restore into a new one; the old stays as `data-<major>-<time>`."""
    layout = server.layout
    work = layout.root / "upgrade"
    shutil.rmtree(work, ignore_errors=True)
    server.account.make(work)
    sockets = layout.sockets("upgrade.run")
    server.account.make(sockets)
    dump = work / "all.sql"

    old = replace(server, programs=old_programs, sockets=sockets)
    with _running(old):
        # The newer pg_dumpall writes what the newer server reads. Source: PostgreSQL docs 18.6.1.
        _call(server, "pg_dumpall", sockets, "--file", dump)
    new = replace(server, data=layout.fresh, sockets=sockets)
    init(new)
    with _running(new):
        _check(_call(new, "psql", sockets, "--no-psqlrc", "--quiet", "--file", dump), layout)
    layout.fresh.rename(layout.upgraded)
    _finish(layout)
    for folder in (work, sockets):
        shutil.rmtree(folder, ignore_errors=True)


def _finish(layout: Layout) -> None:
    """Put a complete upgraded folder in place; also what a crash in between left to do."""
    if not layout.upgraded.exists():
        return
    major = major_of(layout.data)
    if major is not None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        layout.data.rename(layout.root / f"data-{major}-{stamp}")
    layout.upgraded.rename(layout.data)


@contextmanager
def _running(server: Server) -> Iterator[None]:
    launch(server)
    try:
        yield
    finally:
        halt(server.layout, server.data)


def _call(server: Server, name: str, sockets: Path, *arguments: str | Path) -> str:
    code, said = server.account.run(
        server.program(name),
        *("--host", sockets, "--port", str(PORT), "--username", ROLE),
        *("--dbname", "dbname=postgres"),  # pg_dumpall takes no bare name here
        *arguments,
        timeout_s=DUMP_TIMEOUT_S,
    )
    if code:
        raise EmbeddedError(
            f"The upgrade of {server.layout.data} stopped in {name}: {said[-500:]} "
            "The old data is untouched."
        )
    return said


def _check(said: str, layout: Layout) -> None:
    """Refuse a restore that skipped anything but our role, which every new folder has."""
    errors = [line for line in said.splitlines() if "ERROR:" in line and ALREADY_THERE not in line]
    if errors:
        raise EmbeddedError(
            f"The upgrade of {layout.data} could not restore everything: {errors[0]} "
            f"({len(errors)} in all). The old data is untouched."
        )
