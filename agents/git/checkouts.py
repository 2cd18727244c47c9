"""A clone of its own for each task's agents, made and removed; `trees` takes what stands in it.

Git runs in a clone's own git directory only before its agent can write there.
"""

import os
import shutil
from pathlib import Path

from agents.git.repository import branch_ref, branch_tip, make_branch, private_index, tree_of
from agents.git.run import Bounds, Place, check_id, run_git
from agents.processes import RunAs
from hub.errors import Conflict, Invalid, NotFound

MAX_TREE_FILES = 100_000
MAX_TREE_BYTES = 2_000_000_000
WRITE = Bounds(timeout_s=300)


def create_checkout(
    bare: Path, path: Path, *, branch: str, base: str, owner: RunAs | None = None
) -> str:
    """Make a clone with its own index and refs, on a branch of its own; answer its first commit.

    Objects are shared by `alternates`: the clone reads the hub's and writes its own. There is no
    remote to push to. The branch begins at `base` (a branch) unless the hub already has it.
    Everything is given to `owner`, who must be able to reach `path` and read `bare`.
    Raises Conflict `checkout.exists`, NotFound `branch.unknown`, Invalid `tree.too_large`.
    """
    start = branch_tip(bare, base)
    if start is None:
        raise NotFound(f"There is no branch {base}.", code="branch.unknown")
    _make_new(path)
    tip = branch_tip(bare, branch)
    if tip is None:
        tip = start
        make_branch(bare, branch, tip)
    run_git(
        ["init", "--quiet", "--template=", f"--initial-branch={branch}", "--", str(path)], Place()
    )
    git_dir = path / ".git"
    (git_dir / "objects" / "info" / "alternates").write_text(f"{bare.resolve() / 'objects'}\n")
    place = Place(git_dir=git_dir)
    for name, commit in ((base, start), (branch, tip)):
        run_git(["update-ref", branch_ref(name), commit], place)
    run_git(["read-tree", tip], place)
    _fill(bare, tree_of(bare, tip), path)
    if owner is not None:
        give(path, owner)
    return tip


def extract(bare: Path, tree: str, path: Path, *, owner: RunAs | None = None) -> None:
    """Write the files of a tree into a new folder, without any git directory.

    Raises Conflict `checkout.exists`, Invalid `tree.too_large`.
    """
    _make_new(path)
    _fill(bare, check_id(tree), path)
    if owner is not None:
        give(path, owner)


def remove_checkout(path: Path) -> None:
    """Delete a checkout, also what an agent made unreadable; its processes must be dead."""

    def open_up(_function: object, name: str, _error: object) -> None:
        for one in (Path(name).parent, Path(name)):
            if one.is_dir() and not one.is_symlink():
                one.chmod(0o700)

    for handler in (open_up, open_up, None):
        if path.exists():
            shutil.rmtree(path, onerror=handler)


def give(path: Path, owner: RunAs) -> None:
    """Make a user the owner of a folder and all below it; only root can."""
    os.chown(path, owner.uid, owner.gid)
    for _, folders, names, descriptor in os.fwalk(path, follow_symlinks=False):
        for name in (*folders, *names):
            os.chown(name, owner.uid, owner.gid, dir_fd=descriptor, follow_symlinks=False)


def _make_new(path: Path) -> None:
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        raise Conflict("There is a checkout already.", code="checkout.exists") from error


def _fill(bare: Path, tree: str, path: Path) -> None:
    """Write a tree's files by an index of the hub's, so that no attribute of the tree counts."""
    _check_size(bare, tree)
    with private_index(bare, tree) as index:
        run_git(
            ["checkout-index", "--all", "--quiet", "--force"],
            Place(git_dir=bare, work_tree=path, index=index),
            bounds=WRITE,
        )


def _check_size(bare: Path, tree: str) -> None:
    listing = run_git(["ls-tree", "-r", "-l", "-z", tree], Place(git_dir=bare)).output
    sizes = [entry.split(b"\t", 1)[0].split()[-1] for entry in listing.split(b"\0") if entry]
    size = sum(int(one) for one in sizes if one.isdigit())
    if len(sizes) > MAX_TREE_FILES or size > MAX_TREE_BYTES:
        raise Invalid(
            f"The tree is too large: {len(sizes):,} files, {size:,} bytes; the limits are "
            f"{MAX_TREE_FILES:,} and {MAX_TREE_BYTES:,}.",
            code="tree.too_large",
        )
