"""Let an agent's clone see what the hub has committed, without running git in it."""

from pathlib import Path

from agents.folders import Folder
from agents.git.repository import branch_ref, branch_tip, private_index, tree_of
from agents.git.sources import owner_of
from agents.processes import RunAs
from hub.errors import NotFound


def sync_checkout(bare: Path, checkout: Path, branch: str, *, owner: RunAs | None = None) -> None:
    """Point a clone's HEAD, branch and index to the hub's branch; no file of the agent changes.

    The clone's config may say anything, so no git is started there: three files are put in
    place, and the index is one that git made in the hub's own repository.
    Raises NotFound `branch.unknown`, `checkout.missing`; `path.…` and `file.…` when the agent
    has put something else in the place of its `.git`.
    """
    ref, tip = branch_ref(branch), branch_tip(bare, branch)
    if tip is None:
        raise NotFound(f"There is no branch {branch}.", code="branch.unknown")
    with private_index(bare, tree_of(bare, tip)) as path:
        index = path.read_bytes()
    with Folder(checkout, owner or owner_of(checkout)) as folder:
        folder.write((".git", *ref.split("/")), f"{tip}\n".encode())
        folder.write((".git", "HEAD"), f"ref: {ref}\n".encode())
        folder.write((".git", "index"), index)
