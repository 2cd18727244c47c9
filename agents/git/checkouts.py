"""A clone of its own for each task's agents, made and removed; `trees` takes what stands in it.

Git runs in a clone's own git directory only before its agent can write there.
"""

import os
from pathlib import Path

from agents import processes
from agents.folders import MAX_DEPTH, Folder
from agents.git.repository import branch_ref, branch_tip, make_branch, private_index, tree_of
from agents.git.run import SYSTEM_PATH, Bounds, Place, check_id, run_git
from agents.processes import RunAs
from hub.errors import Conflict, HubError, Invalid, NotFound, Unavailable

MAX_TREE_FILES = 100_000
MAX_TREE_BYTES = 2_000_000_000
WRITE = Bounds(timeout_s=300)
REMOVE = processes.Limits(timeout_s=300, head_bytes=10_000)
REMOVING = processes.Setting(cwd=Path("/"), env={"PATH": SYSTEM_PATH})


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
    """Delete a checkout, also what an agent made unreadable; its processes must be dead.

    Not by shutil: it recurses, and an agent can nest folders deeper than Python can.
    Raises Unavailable `checkout.not_removed`.
    """
    for step in (["rm", "-rf"], ["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        if os.path.lexists(path):
            processes.run([*step, "--", str(path)], REMOVING, REMOVE)
    if os.path.lexists(path):
        raise Unavailable("The checkout could not be removed.", code="checkout.not_removed")


def unlock(path: Path) -> bool:
    """Remove the index lock that a killed git left in a checkout, never through a link.

    No program may run there. Tells whether there was one.
    """
    parts = (".git", "index.lock")
    try:
        with Folder(path) as folder:
            return folder.remove(parts)
    except HubError:
        return False  # the agent made something else of its `.git`; its own git will complain


def give(path: Path, owner: RunAs) -> None:
    """Make a user the owner of a folder and all below it, links themselves; only root can."""
    os.chown(path, owner.uid, owner.gid)
    for top, folders, names in os.walk(path):
        for name in (*folders, *names):
            os.chown(Path(top, name), owner.uid, owner.gid, follow_symlinks=False)


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
    entries = [entry.partition(b"\t") for entry in listing.split(b"\0") if entry]
    sizes = [facts.split()[-1] for facts, _, _ in entries]
    size = sum(int(one) for one in sizes if one.isdigit())
    depth = max((name.count(b"/") for _, _, name in entries), default=0)
    if len(entries) > MAX_TREE_FILES or size > MAX_TREE_BYTES or depth >= MAX_DEPTH:
        raise Invalid(
            f"The tree is too large: {len(entries):,} files, {size:,} bytes, {depth} folders "
            f"deep; the limits are {MAX_TREE_FILES:,}, {MAX_TREE_BYTES:,} and {MAX_DEPTH}.",
            code="tree.too_large",
        )
