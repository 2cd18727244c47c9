"""Control groups that bound all processes and memory of one command, where one may be made.

A group that somebody else put Parley into is theirs: they may count, and end, by its members. So
groups are made only in the root of a hierarchy, or in the group that PARLEY_CGROUP names.
"""

import itertools
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from agents.boxes import MAX_PROCESSES

NAME = "parley-agents"
WANTED = frozenset({"pids", "memory"})
V2 = frozenset({""})  # how /proc/<pid>/cgroup names the hierarchy that has no names
NOT_ENTERED = 71
GONE_S = 2.0
LOOK_S = 0.01
ENTER = f"""
for one in $1; do echo 0 >"$one/cgroup.procs" || exit {NOT_ENTERED}; done
shift
exec "$@"
"""

logger = logging.getLogger(__name__)
_numbers = itertools.count(1)
_once = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """A mounted tree of groups, the controllers it has, and our own group in it."""

    mount: Path
    controllers: frozenset[str]
    own: str
    is_v2: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A folder in which groups for commands are made, and what they bound."""

    folder: Path
    controllers: frozenset[str]
    is_v2: bool

    def limits(self) -> Iterator[tuple[str, int]]:
        """List the files of a group and the numbers that go into them."""
        memory_bytes = settings.COMMAND_MEMORY_MB * 1024 * 1024
        if "pids" in self.controllers:
            yield "pids.max", MAX_PROCESSES
        if "memory" in self.controllers:
            yield "memory.max" if self.is_v2 else "memory.limit_in_bytes", memory_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The groups of one command; `enter` begins the argv of a program that runs in them."""

    folders: tuple[Path, ...]

    @property
    def enter(self) -> list[str]:
        if not self.folders:
            return []
        return ["/bin/sh", "-c", ENTER, "sh", " ".join(map(str, self.folders))]


def process_words() -> str:
    """Say how many processes one command may have; empty where no group bounds it."""
    bounded = any("pids" in base.controllers for base in bases())
    return f"at most {MAX_PROCESSES:,} of a command" if bounded else ""


def memory_words() -> str:
    """Say how much memory one command may have; empty where no group bounds it."""
    bounded = any("memory" in base.controllers for base in bases())
    return f"{settings.COMMAND_MEMORY_MB:,} MB of a command" if bounded else ""


@cache
def bases() -> tuple[Base, ...]:
    """Find, once in a process, where groups may be made; nowhere is a fine answer."""
    lines = Path("/proc/self/mountinfo"), Path("/proc/self/cgroup")
    try:
        mounts, own = (path.read_text() for path in lines)
    except OSError:
        return ()
    with _once:
        made = [find_base(one, settings.PARLEY_CGROUP) for one in hierarchies(mounts, own)]
    return tuple(base for base in made if base is not None)


def hierarchies(mountinfo: str, own: str) -> list[Hierarchy]:
    """Read the hierarchies that count processes or memory. Source: proc(5), cgroups(7)."""
    paths = {frozenset(has.split(",")): path for _, has, path in map(_fields, own.splitlines())}
    found: dict[tuple[Path, frozenset[str]], Hierarchy] = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        mount, is_v2 = Path(left.split()[4]), kind == "cgroup2"
        for named, path in paths.items() if kind in {"cgroup", "cgroup2"} else ():
            if (named == V2) == is_v2 and (is_v2 or named <= set(options.split(","))):
                has = WANTED & (_words(mount / "cgroup.controllers") if is_v2 else named)
                one = Hierarchy(mount=mount, controllers=has, own=path, is_v2=is_v2)
                found[mount, has] = one  # the same may be mounted twice
    return [one for one in found.values() if one.controllers]


def _fields(line: str) -> list[str]:
    return line.split(":", 2)


@contextmanager
def group() -> Iterator[Group]:
    """Make the groups of one command, and remove them when it has ended."""
    folders = tuple(_make(base) for base in bases())
    try:
        yield Group(folders=folders)
    finally:
        for folder in folders:
            _remove(folder)


def find_base(place: Hierarchy, chosen: str) -> Base | None:
    """Make the folder for groups in a hierarchy, and try one; None where that is not possible."""
    parent = place.mount / chosen.strip("/")
    if not chosen and place.own != "/":
        return None
    folder = parent / NAME
    try:
        folder.mkdir(exist_ok=True)
        wanted = " ".join(f"+{name}" for name in sorted(place.controllers))
        if place.is_v2:
            for one in (parent, folder):
                (one / "cgroup.subtree_control").write_text(wanted)
        base = Base(folder=folder, controllers=place.controllers, is_v2=place.is_v2)
        sweep(folder)
        _remove(_make(base))
    except OSError as error:
        logger.info("no control groups in %s: %s", parent, error.strerror)
        return None
    return base


def _make(base: Base) -> Path:
    folder = base.folder / f"{os.getpid()}-{next(_numbers)}"
    folder.mkdir()
    for name, number in base.limits():
        (folder / name).write_text(str(number))
    return folder


def _remove(folder: Path) -> None:
    """Remove a group; the kernel lets go of the last process a moment after its end."""
    deadline = time.monotonic() + GONE_S
    while True:
        try:
            folder.rmdir()
        except OSError as error:
            if time.monotonic() < deadline:
                time.sleep(LOOK_S)
                continue
            logger.warning("control group %s stays: %s", folder.name, error.strerror)
        return


def sweep(folder: Path) -> None:
    """Remove the groups of hubs that were killed: a group is named after its hub's process."""
    for one in folder.iterdir():
        pid = one.name.partition("-")[0]
        if one.is_dir() and pid.isdecimal() and not Path("/proc", pid).exists():
            _remove(one)


def _words(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_text().split())
    except OSError:
        return frozenset()
