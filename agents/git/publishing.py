"""Bring a merged commit into the repository the project came from, a person's own."""

import os
from dataclasses import replace
from pathlib import Path

from agents.folders import clean_name
from agents.git.repository import branch_ref
from agents.git.run import Bounds, GitError, Place, check_id, mask, run_git
from agents.git.sources import Source, check_source
from hub.errors import Conflict, NotFound

PUSH = Bounds(timeout_s=300, output_bytes=1_000_000)
PACK = Bounds(timeout_s=300, output_bytes=512_000_000)
UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


def publish(bare: Path, source: str, branch: str, *, tip: str, expected: str) -> None:
    """Fast-forward a branch of the source to a commit of the hub's.

    A folder that has the branch checked out moves with it, if nothing tracked was changed there
    and nothing untracked or ignored would be overwritten. No hook and no filter runs.
    Raises Conflict: `merge.base_moved` when the branch is not at `expected`, `merge.base_dirty`
    with words for the page.
    """
    checked = check_source(source)
    branch_ref(branch)
    if checked.path is None:
        _push(bare, checked, branch, check_id(tip))
        return
    place = Place(cwd=checked.path, user=checked.owner)
    now = _tip(place, branch)
    if now == tip:
        return  # done before by a call whose answer was lost
    if now != check_id(expected):
        raise _moved(branch)
    folder = _folder_with(place, branch)
    if folder is None:
        _send_objects(bare, place, tip, expected)
        _move(place, branch, tip, expected)
        return
    _check_clean(folder, branch)
    _send_objects(bare, place, tip, expected)
    _forward(folder, branch, tip)


def _tip(place: Place, branch: str) -> str:
    answer = run_git(
        ["rev-parse", "--verify", "--quiet", f"{branch_ref(branch)}^{{commit}}"], place, ok=(0, 1)
    )
    if not answer.text:
        raise NotFound(f"The source has no branch {branch}.", code="branch.unknown")
    return answer.text


def _folder_with(place: Place, branch: str) -> Place | None:
    """Find the folder that has the branch checked out, its filters switched off; None if none.

    Source: git-worktree(1), the porcelain format with -z.
    """
    output = run_git(["worktree", "list", "--porcelain", "-z"], place).output
    wanted = f"branch {branch_ref(branch)}".encode()
    found = []
    for block in output.split(b"\0\0"):
        first, *facts = block.split(b"\0")
        path = Path(os.fsdecode(first.removeprefix(b"worktree ")))
        if wanted in facts and path.is_dir():
            found.append(path)
    if len(found) > 1:
        raise _dirty(branch, "is checked out in several folders")
    return _plain(replace(place, cwd=found[0]), branch) if found else None


def _plain(place: Place, branch: str) -> Place:
    """Switch off what a repository configures to take part in a merge.

    Filter programs, which a merged .gitattributes could choose, and the branch's own options.
    """
    answer = run_git(
        ["config", "-z", "--name-only", "--get-regexp", r"^filter\."], place, ok=(0, 1)
    )
    keys = {os.fsdecode(key) for key in answer.output.split(b"\0") if key}
    names = {key.rpartition(".")[0] for key in keys}
    values = (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    filters = [(f"{name}.{key}", value) for name in sorted(names) for key, value in values]
    return replace(place, extra=(*filters, (f"branch.{branch}.mergeOptions", "")))


def _check_clean(folder: Place, branch: str) -> None:
    git_dir = Path(run_git(["rev-parse", "--absolute-git-dir"], folder).text)
    if any((git_dir / name).exists() for name in UNDER_WAY):
        raise _dirty(branch, "is in the middle of a merge or rebase")
    status = ["status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all"]
    changed = [one for one in run_git(status, folder).output.split(b"\0") if one]
    if changed:
        names = ", ".join(clean_name(os.fsdecode(one[3:])) for one in changed[:3])
        raise _dirty(branch, f"has {len(changed)} uncommitted changes ({names})")


def _send_objects(bare: Path, place: Place, tip: str, expected: str) -> None:
    """Copy what the source lacks, without asking its repository to fetch."""
    wanted = f"{check_id(tip)}\n^{expected}\n".encode()
    pack = run_git(
        ["pack-objects", "--revs", "--stdout", "--thin", "-q"],
        Place(git_dir=bare),
        stdin=wanted,
        bounds=PACK,
    )
    run_git(["unpack-objects", "-q"], place, stdin=pack.output, bounds=PACK)


def _move(place: Place, branch: str, tip: str, expected: str) -> None:
    try:
        run_git(["update-ref", "-m", "parley: merge", branch_ref(branch), tip, expected], place)
    except GitError:
        if _tip(place, branch) == expected:
            raise
        raise _moved(branch) from None


def _forward(folder: Place, branch: str, tip: str) -> None:
    """Move the checked-out branch with its files; git refuses before it has touched any."""
    options = ["--ff-only", "--no-overwrite-ignore", "--no-stat", "--no-verify-signatures"]
    answer = run_git(["merge", "--quiet", *options, tip], folder, ok=(0, 1, 2, 128))
    if answer.exit_code:
        words = " ".join(answer.errors.split())[:300]
        raise _dirty(branch, f"did not let the merge in ({words})")


def _push(bare: Path, source: Source, branch: str, tip: str) -> None:
    answer = run_git(
        [
            "push",
            "--porcelain",
            "--no-verify",
            "--",
            source.location,
            f"{tip}:{branch_ref(branch)}",
        ],
        Place(git_dir=bare, protocol=source.protocol),
        ok=(0, 1),
        bounds=PUSH,
    )
    if answer.exit_code == 0:
        return
    refused = [line for line in answer.text.splitlines() if line.startswith("!")]
    if any("[rejected]" in line for line in refused):
        raise _moved(branch)
    words = mask(" ".join([*refused, answer.errors]))[:300]
    raise Conflict(f"The source refused the push: {words}", code="merge.refused")


def _moved(branch: str) -> Conflict:
    return Conflict(
        f"{branch} has moved in the source meanwhile; rebase and try again.",
        code="merge.base_moved",
    )


def _dirty(branch: str, why: str) -> Conflict:
    return Conflict(
        f"{branch} is checked out in a folder that {why}; commit or put that away, then merge.",
        code="merge.base_dirty",
    )
