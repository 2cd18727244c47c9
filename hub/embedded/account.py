"""Who runs Postgres: ourselves, or as root a system user that owns the data and nothing else.

No permission of a folder that Parley did not make is ever changed.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from hub.embedded.layout import EmbeddedError, Layout

SYSTEM_USER = "parley-db"
ADVICE = (
    "Make a system user named {}, start Parley as an ordinary user, "
    "or set DATABASE_URL to a Postgres server."
)
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}
ROOT_FOLDER_MODE = 0o711


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user that Postgres runs as; `drops` means we are root and become that user."""

    uid: int
    gid: int
    name: str
    drops: bool

    def run(
        self,
        *command: str | Path,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 120,
    ) -> tuple[int, str]:
        """Run a program as this user with a clean environment; returns exit code and output.

        Output goes through a file: a pipe would stay open as long as the server that it started.
        """
        with TemporaryFile() as output:
            try:
                done = subprocess.run(  # noqa: S603
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    env={**ENVIRONMENT, **(env or {})},
                    timeout=timeout_s,
                    check=False,
                    user=self.uid if self.drops else None,
                    group=self.gid if self.drops else None,
                    extra_groups=[] if self.drops else None,
                )
            except subprocess.TimeoutExpired as error:
                raise EmbeddedError(f"{command[0]} did not end within {timeout_s:g} s.") from error
            output.seek(0)
            return done.returncode, output.read().decode(errors="replace").strip()

    def make(self, folder: Path, mode: int = 0o700) -> None:
        """Make a folder of this user's own; one that exists must already be so."""
        with suppress(FileExistsError):
            folder.mkdir(mode=mode)
            if self.drops:
                os.chown(folder, self.uid, self.gid, follow_symlinks=False)
        found = folder.lstat()
        if folder.is_symlink() or not folder.is_dir() or found.st_uid != self.uid:
            raise EmbeddedError(f"{folder} is not a folder of the user {self.name}. Remove it.")


def account() -> Account:
    """Tell which user runs Postgres; as root make the system user when it is missing."""
    if os.geteuid() != 0:
        uid = os.geteuid()
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = str(uid)
        return Account(uid=uid, gid=os.getegid(), name=name, drops=False)
    entry = system_user(SYSTEM_USER, ADVICE.format(SYSTEM_USER))
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name, drops=True)


def make_root(layout: Layout) -> None:
    """Make the home and its postgres folder, which belong to the user that runs Parley."""
    mode = ROOT_FOLDER_MODE if os.geteuid() == 0 else 0o700
    layout.home.parent.mkdir(parents=True, exist_ok=True)
    for folder in (layout.home, layout.root):
        with suppress(FileExistsError):
            folder.mkdir(mode=mode)
            folder.chmod(mode)  # against a narrow umask
        owner = folder.stat().st_uid
        if owner != os.geteuid():
            raise EmbeddedError(
                f"{folder} belongs to user {owner}. Run Parley as that user, "
                "or set PARLEY_HOME to a folder of your own."
            )


def make_folders(layout: Layout, who: Account) -> None:
    """Make what belongs to the database's user, after checking that it gets there."""
    if who.drops:
        _check_way(layout, who)
    for folder in (layout.log, layout.sockets("run")):
        who.make(folder)


def _check_way(layout: Layout, who: Account) -> None:
    """Refuse a home that the system user cannot reach; opening it is not ours to decide."""
    for folder in (*reversed(layout.root.parents), layout.root):
        code, _ = who.run("/bin/sh", "-c", 'cd -- "$1"', "sh", folder)
        if code:
            raise EmbeddedError(
                f"As root Parley runs Postgres as user {who.name}, which may not enter {folder}. "
                "Parley does not change its permissions: set PARLEY_HOME to a folder such as "
                f"/var/lib/parley, or allow it yourself with: chmod o+x {folder}"
            )


def system_user(name: str, advice: str) -> pwd.struct_passwd:
    """Give a system user that owns nothing and cannot log in, made when it is missing; as root.

    Raises EmbeddedError with `advice` when it cannot be made.
    """
    entry = _entry(name)
    if entry is not None:
        return entry
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise EmbeddedError(f"There is no user {name} and no useradd to make it. {advice}")
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    done = subprocess.run(  # noqa: S603
        [useradd, *options, "--shell", "/usr/sbin/nologin", name],
        capture_output=True,
        text=True,
        check=False,
    )
    entry = _entry(name)  # another process may have been faster
    if entry is None:
        raise EmbeddedError(f"useradd could not make {name}: {done.stderr.strip()}. {advice}")
    return entry


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
