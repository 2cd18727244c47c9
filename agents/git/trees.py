"""How the hub takes what stands in a checkout, without trusting anything that is there."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agents.folders import Folder, clean_name, is_git_path, split_path
from agents.git.repository import branch_tip, clear_stale_locks, private_index, tree_of
from agents.git.run import Bounds, Place, run_git
from agents.processes import RunAs
from hub.errors import Invalid, NotFound

MAX_NEW_FILES = 20_000
MAX_FILE_BYTES = 100_000_000
MAX_CHANGED_BYTES = 200_000_000
LIST = Bounds(timeout_s=30)  # a pipe named .gitignore would hold git for ever
FILE, PROGRAM, LINK, GITLINK = "100644", "100755", "120000", "160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What stands in a checkout, as a tree of the hub's; `tip` is the commit it was compared with.

    `skipped` are paths the hub does not take: repositories inside the checkout, and things that
    are no files (pipes, sockets, devices).
    """

    sha: str
    tip: str
    skipped: tuple[str, ...]


def take_tree(bare: Path, checkout: Path, branch: str, *, owner: RunAs | None = None) -> Tree:
    """Write what stands in a checkout as a tree into the hub's repository; commit nothing.

    Untracked files count, ignored ones do not; links are stored as links. `git add` is not used:
    it starts `git status` inside submodules with their own config, and it follows a folder that
    is swapped for a link while it reads. Here git only lists names, and each file is opened by
    `Folder` and stored byte for byte. With `owner`, files of anybody else are refused.
    Raises NotFound `branch.unknown`, `checkout.missing`, Invalid `tree.too_large`.
    """
    tip = branch_tip(bare, branch)
    if tip is None:
        raise NotFound(f"There is no branch {branch}.", code="branch.unknown")
    clear_stale_locks(bare)
    with private_index(bare, tree_of(bare, tip)) as index:
        place = Place(git_dir=bare, index=index)
        changes = _Changes()
        with Folder(checkout, owner) as folder:
            for entry in _entries(place, checkout):
                changes.add(entry, _look(folder, entry))
        run_git(["fast-import", "--quiet"], place, stdin=changes.blobs())
        run_git(["update-index", "-z", "--index-info"], place, stdin=changes.index_info())
        sha = run_git(["write-tree"], place).text
    return Tree(sha=sha, tip=tip, skipped=tuple(changes.skipped))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A path to look at; mode and object id as the index has them, empty for an untracked one."""

    name: str
    mode: str = ""
    sha: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """What is there now; `mode` is empty for what is neither file nor link."""

    mode: str
    content: bytes


@dataclass(slots=True)
class _Changes:
    """What differs from the index: removals, and new content to be stored in one go."""

    skipped: list[str] = field(default_factory=list)
    _gone: list[str] = field(default_factory=list)
    _kept: list[_Entry] = field(default_factory=list)
    _contents: list[bytes] = field(default_factory=list)
    _bytes: int = 0

    def add(self, entry: _Entry, found: _Found | None) -> None:
        if found is not None and not found.mode:
            self.skipped.append(clean_name(entry.name))
        if found is None or not found.mode:
            if entry.mode:
                self._gone.append(entry.name)
            return
        sha = _blob_id(found.content)
        if (found.mode, sha) == (entry.mode, entry.sha):
            return
        self._kept.append(_Entry(entry.name, found.mode, sha))
        if sha != entry.sha:
            self._contents.append(found.content)
            self._bytes += len(found.content)
        if self._bytes > MAX_CHANGED_BYTES:
            raise Invalid(
                f"More than {MAX_CHANGED_BYTES:,} bytes have changed.", code="tree.too_large"
            )

    def blobs(self) -> bytes:
        """Write the new contents as git-fast-import(1) reads them."""
        return b"".join(b"blob\ndata %d\n%b\n" % (len(one), one) for one in self._contents)

    def index_info(self) -> bytes:
        """Write the changes as git-update-index(1) reads them; removals first, so that a folder
        may take the place of a file.
        """
        gone = [f"0 {'0' * 40}\t{name}" for name in self._gone]
        kept = [f"{one.mode} {one.sha}\t{one.name}" for one in self._kept]
        return b"".join(os.fsencode(line) + b"\0" for line in gone + kept)


def _entries(place: Place, checkout: Path) -> Iterator[_Entry]:
    """List tracked and untracked paths in order; submodules stay as the base has them."""
    entries = []
    for line in _lines(place, "--stage"):
        facts, _, name = line.partition("\t")
        mode, sha, _stage = facts.split()
        if mode != GITLINK:
            entries.append(_Entry(name, mode, sha))
    beside = Place(git_dir=place.git_dir, work_tree=checkout, index=place.index)
    untracked = _lines(beside, "--others", "--exclude-standard")
    if len(untracked) > MAX_NEW_FILES:
        raise Invalid(
            f"The checkout has {len(untracked):,} new files; the limit is {MAX_NEW_FILES:,}. "
            "Put what is generated into .gitignore.",
            code="tree.too_large",
        )
    entries += [_Entry(name) for name in untracked]
    yield from sorted(entries, key=lambda entry: entry.name)


def _lines(place: Place, *options: str) -> list[str]:
    output = run_git(["ls-files", "-z", *options], place, bounds=LIST).output
    return [os.fsdecode(line) for line in output.split(b"\0") if line]


def _look(folder: Folder, entry: _Entry) -> _Found | None:
    """See what a path is now; None when nothing the index could hold is there."""
    if entry.name.endswith("/") or is_git_path(tuple(entry.name.split("/"))):
        return _Found("", b"")  # a repository inside the checkout
    parts = split_path(entry.name)
    status = folder.status(parts)
    if status is None or stat.S_ISDIR(status.st_mode):
        return None
    if stat.S_ISLNK(status.st_mode):
        return _Found(LINK, folder.link_target(parts))
    if stat.S_ISREG(status.st_mode):
        mode = PROGRAM if status.st_mode & stat.S_IXUSR else FILE
        return _Found(mode, folder.read(parts, MAX_FILE_BYTES))
    return _Found("", b"")


def _blob_id(content: bytes) -> str:
    """Name content as git does. Source: gitformat objects, "blob <size>NUL<content>"."""
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
