"""Where the embedded Postgres keeps its things below PARLEY_HOME, and the one error it raises.

<home>/postgres/lock              held while somebody starts, stops or upgrades
<home>/postgres/bin-<major>/      our copy of the programs; an upgrade needs the old ones
<home>/postgres/data/             the data folder, 0700
<home>/postgres/data-<major>-…/   what an upgrade left behind
<home>/postgres/run/              the socket, 0700
<home>/postgres/log/              the server's log
<home>/postgres/postgresql.conf   written anew at each start
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROLE = "parley"
DATABASE = "parley"
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
# sun_path holds 108 bytes on Linux, the last one a NUL. Source: unix(7).
SOCKET_BYTES_MAX = 107
# pg_ctl hands its paths to a shell between double quotes, postgresql.conf takes a comma list.
UNSAFE_CHARACTERS = frozenset("\"'`$\\,\n")


class EmbeddedError(RuntimeError):
    """The embedded Postgres cannot do what was asked; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths that belong to one PARLEY_HOME, which is absolute and free of links."""

    home: Path

    @property
    def root(self) -> Path:
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def fresh(self) -> Path:
        """A data folder that is still being made; worthless after a crash."""
        return self.root / "data.new"

    @property
    def upgraded(self) -> Path:
        """A complete data folder that only waits to be renamed to `data`."""
        return self.root / "data.ready"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def start_log(self) -> Path:
        """What the server said before it had its own log."""
        return self.log / "start.log"

    @property
    def conf(self) -> Path:
        return self.root / "postgresql.conf"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def url(self) -> str:
        host = quote(str(self.sockets("run")), safe="/")
        return f"postgresql://{ROLE}@:{PORT}/{DATABASE}?host={host}"

    def binaries(self, major: int) -> Path:
        return self.root / f"bin-{major}"

    def sockets(self, name: str) -> Path:
        """Folder of a socket: below the home, or below /tmp when that path is too long."""
        folder = self.root / name
        if len(bytes(folder / SOCKET_NAME)) <= SOCKET_BYTES_MAX:
            return folder
        return Path("/tmp") / f"parley-{hashlib.sha256(bytes(folder)).hexdigest()[:16]}"  # noqa: S108


def layout_of(home: Path) -> Layout:
    """Name the paths below a home; it need not exist."""
    resolved = home.expanduser().resolve()
    found = sorted(UNSAFE_CHARACTERS & set(str(resolved)))
    if found:
        raise EmbeddedError(
            f"PARLEY_HOME {resolved} contains {found[0]!r}, which Postgres cannot take in a path. "
            "Choose another folder."
        )
    return Layout(resolved)
