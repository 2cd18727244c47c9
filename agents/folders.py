"""Reach files below a folder without following a link; what to do with them is not decided here.

The folder belongs to somebody who may change it at any moment, so names are never checked first
and opened later: every component is opened with O_NOFOLLOW relative to the one before.
"""

import errno
import os
import posixpath
import secrets
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from agents.processes import RunAs
from hub.errors import Conflict, HubError, Invalid, NotFound, Unavailable

MAX_PATH_BYTES = 4096
MAX_DEPTH = 100
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not hang us
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def split_path(path: str) -> tuple[str, ...]:
    """Cut a path below a folder into its names, refusing what could point anywhere else.

    Raises Invalid: `path.outside` for absolute paths and `..`, `path.invalid` for the rest.
    """
    _check_text(path)
    if path.startswith("/"):
        raise Invalid(
            f"{clean_name(path)} is absolute; give the path from the top of the checkout.",
            code="path.outside",
        )
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    if ".." in parts:
        raise Invalid(f"{clean_name(path)} leaves the checkout with '..'.", code="path.outside")
    if not parts or len(parts) > MAX_DEPTH:
        raise Invalid(
            f"A path needs 1 to {MAX_DEPTH} names, not {len(parts)}.", code="path.invalid"
        )
    return parts


def clean_name(path: str) -> str:
    """Make a file name printable: what is not UTF-8 or is a control character becomes a mark."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def is_git_path(parts: tuple[str, ...]) -> bool:
    """Say whether a path leads into a git directory, however its letters are cased."""
    return any(part.lower() == ".git" for part in parts)


class Folder:
    """An open folder whose files are reached name by name; use it in a `with`.

    With `owner`, only files of that user are read and new ones are given to it: a hard link
    to somebody else's file is refused even where the kernel would allow to make one.
    """

    def __init__(self, path: Path, owner: RunAs | None = None) -> None:
        self.path = path
        self.owner = owner
        self._top = -1
        self._near: tuple[tuple[str, ...], int] = ((), -1)

    def __enter__(self) -> Self:
        try:
            self._top = os.open(self.path, FOLDER_FLAGS)
        except OSError as error:
            raise NotFound("The checkout is not there.", code="checkout.missing") from error
        self._near = ((), self._top)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._move_near((), self._top)
        os.close(self._top)

    @property
    def descriptor(self) -> int:
        """The open folder itself, for walking it with `os.fwalk`."""
        return self._top

    def status(self, parts: tuple[str, ...]) -> os.stat_result | None:
        """Look at what a path names, not at what it points to; None when nothing is there."""
        try:
            return os.stat(parts[-1], dir_fd=self._parent(parts), follow_symlinks=False)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                return None
            raise self._refusal(error, parts) from error

    def link_target(self, parts: tuple[str, ...]) -> bytes:
        """Read where a symbolic link points, as bytes and without going there."""
        try:
            return os.readlink(os.fsencode(parts[-1]), dir_fd=self._parent(parts))
        except OSError as error:
            raise self._refusal(error, parts) from error

    def open(self, parts: tuple[str, ...]) -> int:
        """Open a regular file for reading; the caller closes the descriptor.

        Raises Invalid `file.not_regular` for devices, pipes and folders, `path.link` and
        `path.outside` for links, NotFound `file.not_found`.
        """
        try:
            descriptor = os.open(parts[-1], READ_FLAGS, dir_fd=self._parent(parts))
        except OSError as error:
            raise self._refusal(error, parts) from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise Invalid(f"{_name(parts)} is not a regular file.", code="file.not_regular")
        if self.owner and status.st_uid != self.owner.uid:
            os.close(descriptor)
            raise Invalid(f"{_name(parts)} belongs to another user.", code="path.outside")
        return descriptor

    def read(self, parts: tuple[str, ...], max_bytes: int) -> bytes:
        """Read a regular file whole. Raises Invalid `file.too_large` above `max_bytes`."""
        descriptor = self.open(parts)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise Invalid(
                f"{_name(parts)} is larger than {max_bytes:,} bytes.",
                code="file.too_large",
                max_bytes=max_bytes,
            )
        return content

    def write(self, parts: tuple[str, ...], content: bytes) -> bool:
        """Put a file in place at once, making folders on the way; True when it is new.

        The mode of an existing file stays. A link or a folder in its place is refused.
        """
        try:
            parent = self._parent(parts, make=True)
            mode = self._mode_to_write(parts, parent)
            self._replace(parts[-1], parent, content, 0o644 if mode is None else mode)
        except OSError as error:
            raise self._refusal(error, parts) from error
        return mode is None

    def remove(self, parts: tuple[str, ...]) -> bool:
        """Remove what a path names, not what it points to; False when nothing is there."""
        try:
            os.unlink(parts[-1], dir_fd=self._parent(parts))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._refusal(error, parts) from error
        return True

    def _mode_to_write(self, parts: tuple[str, ...], parent: int) -> int | None:
        try:
            status = os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISLNK(status.st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if not stat.S_ISREG(status.st_mode):
            raise Invalid(f"{_name(parts)} is not a regular file.", code="file.not_regular")
        return stat.S_IMODE(status.st_mode) & 0o777

    def _replace(self, name: str, parent: int, content: bytes, mode: int) -> None:
        temporary = f".parley-{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), mode)
                if self.owner:
                    os.fchown(file.fileno(), self.owner.uid, self.owner.gid)
            os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError:
            os.unlink(temporary, dir_fd=parent)
            raise

    def _parent(self, parts: tuple[str, ...], *, make: bool = False) -> int:
        """Open the folder that holds the last name; the one used last stays open for the next."""
        wanted = parts[:-1]
        if wanted == self._near[0]:
            return self._near[1]
        here = os.dup(self._top)
        for name in wanted:
            here = self._step(here, name, make=make)
        self._move_near(wanted, here)
        return here

    def _step(self, here: int, name: str, *, make: bool) -> int:
        """Go one folder down; `here` is closed, whatever happens."""
        try:
            made = make and _make_folder(here, name)
            below = os.open(name, FOLDER_FLAGS, dir_fd=here)
        finally:
            os.close(here)
        if made and self.owner:
            os.fchown(below, self.owner.uid, self.owner.gid)
        return below

    def _move_near(self, parts: tuple[str, ...], descriptor: int) -> None:
        if self._near[1] != self._top:
            os.close(self._near[1])
        self._near = (parts, descriptor)

    def _refusal(self, error: OSError, parts: tuple[str, ...]) -> HubError:
        link = self._first_link(parts) if error.errno in {errno.ELOOP, errno.ENOTDIR} else None
        if link is None:
            return _translate(error, parts)
        name, target = link
        joined = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        if joined.startswith(("/", "../")) or joined == "..":
            return Invalid(
                f"{clean_name(name)} is a link that leads out of the checkout.",
                code="path.outside",
            )
        return Invalid(
            f"{clean_name(name)} is a link; use {clean_name(joined)} instead.", code="path.link"
        )

    def _first_link(self, parts: tuple[str, ...]) -> tuple[str, str] | None:
        """Find the link on the way, for the words of a refusal only."""
        for depth in range(1, len(parts) + 1):
            name = "/".join(parts[:depth])
            try:
                return name, os.readlink(name, dir_fd=self._top)
            except OSError:
                continue
        return None


def _make_folder(here: int, name: str) -> bool:
    try:
        os.mkdir(name, 0o755, dir_fd=here)
    except FileExistsError:
        return False
    return True


def _check_text(path: str) -> None:
    try:
        size = len(os.fsencode(path))
    except UnicodeEncodeError as error:
        raise Invalid("A path must be valid text.", code="path.invalid") from error
    if "\0" in path or size > MAX_PATH_BYTES:
        raise Invalid(f"A path has no NUL and at most {MAX_PATH_BYTES} bytes.", code="path.invalid")


def _name(parts: tuple[str, ...]) -> str:
    return clean_name("/".join(parts))


def _translate(error: OSError, parts: tuple[str, ...]) -> HubError:
    name = _name(parts)
    match error.errno:
        case errno.ENOENT:
            return NotFound(f"There is no {name}.", code="file.not_found")
        case errno.ENOTDIR | errno.EEXIST:
            return Conflict(f"Something in {name} is a file, not a folder.", code="file.in_the_way")
        case errno.ENAMETOOLONG | errno.EINVAL:
            return Invalid(f"{name} is not a possible path.", code="path.invalid")
        case errno.ENOSPC | errno.EDQUOT | errno.EMFILE | errno.ENFILE | errno.EIO:
            return Unavailable(f"{name}: {error.strerror}.", code="file.trouble")
    return Invalid(f"{name}: {error.strerror}.", code="file.refused")
