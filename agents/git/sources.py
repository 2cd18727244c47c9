"""Where a project's code comes from: a folder or a URL, checked before git sees it."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agents.processes import RunAs
from hub.errors import Invalid

MAX_SOURCE_CHARS = 2_000
PROTOCOLS = {"https": "https", "ssh": "ssh", "git+ssh": "ssh"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A checked source; `path` is set for a folder on this machine, else `location` is a URL.

    `protocol` is git's name for the way there: file, https or ssh.
    """

    location: str
    protocol: str
    path: Path | None = None

    @property
    def owner(self) -> RunAs | None:
        """The user to work as in this folder: its owner if the hub is root, else nobody else."""
        return None if self.path is None else owner_of(self.path)


def owner_of(path: Path) -> RunAs | None:
    """Find who a folder belongs to, if the hub is root and it is somebody else; else None."""
    status = path.stat(follow_symlinks=False)
    if os.geteuid() != 0 or status.st_uid == 0:
        return None
    return RunAs(status.st_uid, status.st_gid)


def check_source(source: str) -> Source:
    """Check the path or URL of a git repository and say how git reaches it.

    A path must be absolute and exist. URLs: file, https, ssh, git+ssh.
    Raises Invalid `repository.source` for options, helpers such as `ext::`, and other protocols.
    """
    if not source or len(source) > MAX_SOURCE_CHARS or not source.isprintable():
        raise _refusal(f"needs 1 to {MAX_SOURCE_CHARS} printable characters")
    if source.startswith("-"):
        raise _refusal("must not begin with '-'")
    if source.startswith("/"):
        return _folder(Path(source))
    scheme, separator, _ = source.partition("://")
    if not separator or "::" in scheme:
        raise _refusal("is a full path or a URL: file, https, ssh or git+ssh")
    if scheme == "file":
        return _file_url(source)
    if scheme not in PROTOCOLS:
        raise _refusal(f"cannot use {scheme}://; use file, https, ssh or git+ssh")
    return _url(source, scheme)


def _file_url(source: str) -> Source:
    parts = urlsplit(source)
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise _refusal("of file:// names a path on this machine")
    return _folder(Path(unquote(parts.path)))


def _folder(path: Path) -> Source:
    if "\0" in str(path) or not path.is_dir():
        raise _refusal(f"names a folder that is not there: {path}")
    return Source(location=str(path.resolve()), protocol="file", path=path.resolve())


def _url(source: str, scheme: str) -> Source:
    try:
        parts = urlsplit(source)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refusal("is not a well-formed URL") from error
    user = unquote(parts.username or "")
    if not host or host.startswith("-") or user.startswith("-") or port == 0:
        raise _refusal("needs a host")
    return Source(location=source, protocol=PROTOCOLS[scheme])


def _refusal(why: str) -> Invalid:
    return Invalid(f"The source of a repository {why}.", code="repository.source")
