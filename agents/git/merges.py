"""Bring a branch onto another one inside the hub's repository, without any work tree.

Git 2.39 has `merge-tree --write-tree` but not its `--merge-base`: where a base must be chosen,
a commit that no ref names is made with that base as its only parent.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agents.folders import clean_name
from agents.git.repository import (
    Signature,
    author_environment,
    branch_ref,
    branch_tip,
    move_branch,
    tree_of,
)
from agents.git.run import DOMAIN, Place, check_id, run_git
from hub.errors import Conflict, NotFound

MAX_COMMITS = 500
MAX_CONFLICTS = 100
NOBODY = Signature(name="Parley", email=f"hub@{DOMAIN}", when=datetime(2001, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class RebaseResult:
    """What came of replaying a branch: a new tip and its commits, or the paths that conflict.

    `tip` and `tree` are None when there are conflicts; `commits` are in order, those that
    change nothing any more left out. No branch has moved.
    """

    base: str
    tip: str | None
    tree: str | None
    commits: tuple[str, ...]
    conflicts: tuple[str, ...]


def merge_base(bare: Path, one: str, other: str) -> str:
    """Find the best common commit of two. Raises Conflict `merge.unrelated` when there is none."""
    answer = run_git(["merge-base", check_id(one), check_id(other)], Place(git_dir=bare), ok=(0, 1))
    if not answer.text:
        raise Conflict("The two branches have no common history.", code="merge.unrelated")
    return answer.text


def rebase(bare: Path, branch: str, onto: str) -> RebaseResult:
    """Replay a branch on top of another branch, keeping authors, dates and messages.

    Raises NotFound `branch.unknown`, Conflict `rebase.not_linear` when the branch holds merges,
    `rebase.too_long` above 500 commits.
    """
    tip, base = _tip(bare, branch), _tip(bare, onto)
    current, made = base, []
    for commit in _commits_to_replay(bare, base, tip):
        tree, conflicts = _pick(bare, commit, current)
        if tree is None:
            return RebaseResult(base=base, tip=None, tree=None, commits=(), conflicts=conflicts)
        if tree != tree_of(bare, current):
            current = _copy(bare, commit, tree, current)
            made.append(current)
    return RebaseResult(
        base=base,
        tip=current,
        tree=tree_of(bare, current),
        commits=tuple(made),
        conflicts=(),
    )


def approval_digest(base: str, tree: str) -> str:
    """Name what an approval is bound to: the merge base and the tree, 64 hex digits."""
    text = f"parley approval 1\n{check_id(base)}\n{check_id(tree)}\n"
    return hashlib.sha256(text.encode()).hexdigest()


def same_change(bare: Path, old: tuple[str, str], new: tuple[str, str]) -> bool:
    """Say whether an approved change is still the same one on another base.

    `old` and `new` are (merge base, tree). True when replaying the old change on the new base
    meets no conflict and gives exactly the new tree; then the approval holds.
    """
    old_base, old_tree = old
    new_base, new_tree = new
    change = _nameless(bare, old_tree, old_base)
    target = _nameless(bare, tree_of(bare, new_base), old_base)
    tree, _ = _merge(bare, target, change)
    return tree == check_id(new_tree)


def fast_forward(bare: Path, branch: str, *, tip: str, expected: str) -> None:
    """Move a branch of the hub's forward. Raises Conflict `merge.not_ahead`, `branch.moved`."""
    if not is_ancestor(bare, expected, tip):
        raise Conflict(
            f"{branch} cannot be fast-forwarded: the commit does not build on it.",
            code="merge.not_ahead",
        )
    move_branch(bare, branch, tip=tip, expected=expected)


def is_ancestor(bare: Path, older: str, newer: str) -> bool:
    """Say whether a commit is part of another one's history; each is part of its own."""
    answer = run_git(
        ["merge-base", "--is-ancestor", check_id(older), check_id(newer)],
        Place(git_dir=bare),
        ok=(0, 1),
    )
    return answer.exit_code == 0


def _tip(bare: Path, branch: str) -> str:
    tip = branch_tip(bare, branch)
    if tip is None:
        raise NotFound(f"There is no branch {branch_ref(branch)}.", code="branch.unknown")
    return tip


def _commits_to_replay(bare: Path, base: str, tip: str) -> list[tuple[str, str]]:
    """List (commit, its parent), oldest first."""
    merge_base(bare, base, tip)
    answer = run_git(
        ["rev-list", "--reverse", "--topo-order", "--parents", f"{base}..{tip}"],
        Place(git_dir=bare),
    )
    rows = [row.split() for row in answer.text.splitlines()]
    if any(len(row) != 2 for row in rows):
        raise Conflict("The branch holds merges; make it linear.", code="rebase.not_linear")
    if len(rows) > MAX_COMMITS:
        raise Conflict(
            f"The branch has {len(rows)} commits; the limit is {MAX_COMMITS}.",
            code="rebase.too_long",
        )
    return [(row[0], row[1]) for row in rows]


def _pick(bare: Path, commit: tuple[str, str], onto: str) -> tuple[str | None, tuple[str, ...]]:
    name, parent = commit
    if parent == onto:
        return tree_of(bare, name), ()
    return _merge(bare, _nameless(bare, tree_of(bare, onto), parent), name)


def _merge(bare: Path, ours: str, theirs: str) -> tuple[str | None, tuple[str, ...]]:
    """Merge two commits; answer (tree, no paths) or (None, the paths in conflict)."""
    answer = run_git(
        ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs],
        Place(git_dir=bare),
        ok=(0, 1),
    )
    tree, *paths = answer.output.split(b"\0")
    if answer.exit_code == 0:
        return tree.decode().strip(), ()
    names = dict.fromkeys(clean_name(os.fsdecode(path)) for path in paths if path)
    return None, tuple(names)[:MAX_CONFLICTS]


def _nameless(bare: Path, tree: str, parent: str) -> str:
    """Make a commit for one merge; the same one each time, so that objects do not pile up."""
    return run_git(
        ["commit-tree", check_id(tree), "-p", check_id(parent), "-m", "parley"],
        Place(git_dir=bare),
        env=author_environment(NOBODY),
    ).text


def _copy(bare: Path, commit: tuple[str, str], tree: str, parent: str) -> str:
    """Repeat a commit on another parent with its author, date and message."""
    output = run_git(
        ["log", "-1", "--format=%an%x00%ae%x00%ad%x00%B", "--date=raw", commit[0]],
        Place(git_dir=bare),
    ).output
    name, email, when, message = output.decode("utf-8", "replace").split("\0", 3)
    return run_git(
        ["commit-tree", tree, "-p", parent, "-F", "-"],
        Place(git_dir=bare),
        stdin=message.encode(),
        env={
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_AUTHOR_DATE": f"@{when}",
        },
    ).text
