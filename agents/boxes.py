"""The box of an agent's program as an argv: what it sees, may write, and may use up."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from agents.git.run import SYSTEM_PATH
from agents.processes import RunAs

MAX_OPEN_FILES = 4_096
MAX_WRITTEN_BYTES = 1 << 30  # of one file
MAX_PROCESSES = 1_024
CPU_GRACE_S = 10
SCRATCH_BYTES = 512 * 1024 * 1024  # of /tmp, which is memory

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = (
    *("alternatives", "ca-certificates", "crypto-policies", "group", "host.conf", "hosts"),
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf"),
    *("passwd", "pki", "protocols", "services", "ssl/certs", "ssl/openssl.cnf", "timezone"),
)

# Everything an agent starts begins here, already inside what contains it. A limit that the
# system holds lower stays as it is. Source: POSIX ulimit (-f counts 512 bytes, -d kilobytes);
# dash calls the number of processes -p, bash -u.
START = """
{
umask 022
ulimit -c 0; ulimit -t "$1"; ulimit -f "$2"; ulimit -n "$3"; ulimit -d "$4"
[ "$5" = 0 ] || ulimit -p "$5" || ulimit -u "$5"
mkdir -p "$TMPDIR"
} 2>/dev/null
cd -- "$6" || exit 126
unset OLDPWD
shift 6
exec "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What a program finds: where it begins, what it may write and read besides the system.

    `user` is whom it runs as (only where the hub is root). `network` leaves it the machine's.
    `is_our_own` marks a command that Parley brings along: it runs where nothing can contain it.
    """

    path: Path
    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    user: RunAs | None = None
    network: bool = False
    is_our_own: bool = False
    timeout_s: float = 600


def bubblewrap() -> str | None:
    """Find the program bwrap of the system; None where it is not installed."""
    return shutil.which("bwrap", path=SYSTEM_PATH)


def wrapped(box: Box, program: Sequence[str], *, status_fd: int) -> list[str]:
    """Wrap a program in bubblewrap, which says on `status_fd` how it goes."""
    found = bubblewrap()
    assert found, "who has no bubblewrap asks `containment.look` first"
    return [
        *(found, "--die-with-parent", "--new-session", "--json-status-fd", str(status_fd)),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--hostname", "agent"),
        *(() if box.network else ("--unshare-net",)),
        *_rights(box),
        *_mounts(box),
        "--",
        *_become(box.user),
        *limited(box, program, is_alone=os.geteuid() != 0),
    ]


def limited(box: Box, program: Sequence[str], *, is_alone: bool = False) -> list[str]:
    """Wrap a program in its limits. `is_alone`: its user has no other processes to be counted."""
    words = (
        # CPU of all threads of one process: a bound that holds when the hub is gone
        (int(box.timeout_s) + CPU_GRACE_S) * (os.cpu_count() or 1),
        MAX_WRITTEN_BYTES // 512,
        MAX_OPEN_FILES,
        settings.COMMAND_MEMORY_MB * 1024,
        MAX_PROCESSES if box.user or is_alone else 0,
        box.path,  # only now: its owner may be the only one who can enter
    )
    return ["/bin/sh", "-c", START, "sh", *map(str, words), *program]


def process_words(*, is_counted: bool) -> str:
    """Say what bounds the number of processes where no control group does."""
    return f"at most {MAX_PROCESSES:,} of the user" if is_counted else "not bounded"


def memory_words() -> str:
    """Say what bounds memory where no control group does."""
    return f"{settings.COMMAND_MEMORY_MB:,} MB of each process, not bounded in all"


def _rights(box: Box) -> Iterator[str]:
    """Root makes the box with its own rights and gives them up; others need a user namespace."""
    if os.geteuid() == 0:
        yield from ("--cap-drop", "ALL")
        if box.user:
            yield from ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
        return
    yield "--unshare-user"
    if "--disable-userns" in options():
        yield "--disable-userns"


def _become(user: RunAs | None) -> Iterator[str]:
    if user:
        yield from ("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups")
        yield from ("--inh-caps=-all", "--")


def _mounts(box: Box) -> Iterator[str]:
    """List what is mounted, folders before what lies in them; all else is read-only and empty."""
    found = dict(_system(box))
    for path in _hidden(found):
        found[path] = ["--tmpfs", str(path)]
    for path in box.readable:
        found[path] = ["--ro-bind", str(path), str(path)]
    for path in box.writable:
        found[path] = ["--bind", str(path), str(path)]
    for path in {parent for one in found for parent in one.parents} - found.keys():
        found[path] = ["--dir", str(path)]  # else nobody but root may pass through it
    for path in sorted(found, key=lambda path: len(path.parts)):
        yield from found[path]
    yield from ("--remount-ro", "/dev", "--remount-ro", "/")


def _system(box: Box) -> Iterator[tuple[Path, list[str]]]:
    """List what every program needs: the system read-only, devices, a /tmp of its own."""
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            yield path, ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            yield path, ["--ro-bind", str(path), str(path)]
    names = (*ETC, "resolv.conf") if box.network else ETC
    for path in (*(Path("/etc", name) for name in names), Path(sys.base_prefix)):
        if path.exists() and not path.is_relative_to("/usr"):
            yield path, ["--ro-bind", str(path), str(path)]
    yield Path("/proc"), ["--proc", "/proc"]
    yield Path("/dev"), ["--dev", "/dev"]
    for scratch in ("/tmp", "/dev/shm"):  # noqa: S108 - those of the box
        yield Path(scratch), ["--perms", "1777", *_size(), "--tmpfs", scratch]


def _size() -> Iterator[str]:
    if "--size" in options():
        yield from ("--size", str(SCRATCH_BYTES))


def _hidden(mounted: dict[Path, list[str]]) -> Iterator[Path]:
    """Find what of the hub's would be seen because it lies in a folder of the system."""
    shown = [path for path, words in mounted.items() if words[0] == "--ro-bind"]
    for path in (Path(settings.PARLEY_HOME), Path(settings.BASE_DIR)):
        if any(path.is_relative_to(one) for one in shown):
            yield path


@cache
def options() -> frozenset[str]:
    """Read which options this bubblewrap knows: they grew with its releases."""
    done = subprocess.run(  # noqa: S603
        [bubblewrap() or "bwrap", "--help"], capture_output=True, text=True, check=False
    )
    return frozenset((done.stdout + done.stderr).split())
