"""The hub's own bare repository of a project: made, refreshed, committed to by the hub alone."""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agents.git.run import DOMAIN, Bounds, GitError, Place, check_id, run_git, temporary_index
from agents.git.sources import Source, check_source
from hub.errors import Conflict, Invalid, Unavailable
from hub.text import slug

FETCH = Bounds(timeout_s=600, output_bytes=1_000_000)
STALE_LOCK_S = 60.0
STALE_INDEX_S = 3_600.0
MIRROR_WAIT_S = 30.0
MAX_MESSAGE_CHARS = 20_000
AGENT_BRANCHES = "parley/"
NO_ID = "0" * 40

# Highest precedence of all attributes, above every .gitattributes of a tree: bytes go in and
# out as they are, and no filter, textconv or merge driver that a tree asks for is looked up.
ATTRIBUTES = (
    "* -text -ident -filter !eol !working-tree-encoding !diff !merge -export-ignore -export-subst\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who wrote a commit, and when (aware)."""

    name: str
    email: str
    when: datetime

    @classmethod
    def of_agent(cls, name: str, when: datetime) -> "Signature":
        """Sign for an agent, under an address that can reach nobody."""
        return cls(name=name, email=f"{slug(name)}@{DOMAIN}", when=when)


def ensure_mirror(source: str, bare: Path, *, group: int | None = None) -> str:
    """Make or refresh the hub's bare repository from a path or URL; answer its default branch.

    Every branch follows the source except `parley/…`, which are the hub's own. `group` may read
    the repository: the agents' group, whose checkouts share its objects.
    Raises Invalid `source.bad`, `source.empty`, GitError when git cannot fetch.
    """
    checked = check_source(source)
    bare.parent.mkdir(parents=True, exist_ok=True)
    with _alone(bare):
        if not bare.is_dir():
            _make(bare, group)
        clear_stale_locks(bare)
        place = Place(git_dir=bare, protocol=checked.protocol)
        run_git(
            [
                *("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head"),
                *("--no-recurse-submodules", "--", checked.location),
                *("+refs/heads/*:refs/heads/*", f"^refs/heads/{AGENT_BRANCHES}*"),
            ],
            place,
            bounds=FETCH,
        )
        return _follow_head(bare, checked)


def branch_tip(bare: Path, branch: str) -> str | None:
    """Find the commit a branch points to; None when there is no such branch."""
    answer = run_git(
        ["rev-parse", "--verify", "--quiet", f"{branch_ref(branch)}^{{commit}}"],
        Place(git_dir=bare),
        ok=(0, 1),
    )
    return answer.text or None


def tree_of(bare: Path, commit: str) -> str:
    """Find the tree of a commit; a tree stays what it is."""
    return run_git(
        ["rev-parse", "--verify", f"{check_id(commit)}^{{tree}}"], Place(git_dir=bare)
    ).text


def task_branch(number: int, title: str) -> str:
    """Name the branch of a task: `parley/12-add-json-output`."""
    return f"{AGENT_BRANCHES}{number}-{slug(title)}"


def branch_ref(branch: str) -> str:
    """Make the full ref of a branch. Raises Invalid `branch.bad`. Source: git-check-ref-format."""
    parts = branch.split("/")
    bad = (
        len(branch) > 200
        or re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{", branch)
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
        or branch.startswith("-")
        or branch.endswith(".")
        or branch in {"@", "HEAD"}
    )
    if bad:
        raise Invalid("That is not a possible branch name.", code="branch.bad")
    return f"refs/heads/{branch}"


def make_branch(bare: Path, branch: str, tip: str) -> None:
    """Make a branch that must not exist yet. Raises Conflict `branch.moved`."""
    move_branch(bare, branch, tip=tip, expected=NO_ID)


def move_branch(bare: Path, branch: str, *, tip: str, expected: str) -> None:
    """Move a branch if it still points to `expected`. Raises Conflict `branch.moved`."""
    ref = branch_ref(branch)
    clear_stale_locks(bare)
    try:
        run_git(["update-ref", ref, check_id(tip), check_id(expected)], Place(git_dir=bare))
    except GitError:
        now = branch_tip(bare, branch)
        if (now or NO_ID) == expected:
            raise
        raise Conflict(
            f"The branch {branch} has moved; look at it again.", code="branch.moved", tip=now
        ) from None


def commit(
    bare: Path, branch: str, tree: str, *, message: str, author: Signature, expected: str
) -> str:
    """Commit a tree on a branch in the author's name; answer the new commit's id.

    Raises Conflict: `branch.moved` when the tip is not `expected`, `commit.empty` when the
    tree is the one already there; Invalid `commit.message` for an empty or too long message.
    """
    if tree_of(bare, expected) == check_id(tree):
        raise Conflict("There is nothing to commit: no file has changed.", code="commit.empty")
    made = commit_tree(bare, tree, parent=expected, message=message, author=author)
    move_branch(bare, branch, tip=made, expected=expected)
    return made


def commit_tree(bare: Path, tree: str, *, parent: str, message: str, author: Signature) -> str:
    """Write a commit object that no branch points to yet."""
    text = _clean_message(message)
    return run_git(
        ["commit-tree", check_id(tree), "-p", check_id(parent), "-F", "-"],
        Place(git_dir=bare),
        stdin=text.encode("utf-8", "replace"),
        env=author_environment(author),
    ).text


def author_environment(author: Signature) -> dict[str, str]:
    """Put a signature where git reads it; the hub itself is the committer, at the same time."""
    when = f"@{int(author.when.timestamp())} +0000"
    return {
        "GIT_AUTHOR_NAME": _clean_name(author.name) or "agent",
        "GIT_AUTHOR_EMAIL": _clean_name(author.email) or f"agent@{DOMAIN}",
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_DATE": when,
    }


@contextmanager
def private_index(bare: Path, tree: str | None = None) -> Iterator[Path]:
    """Lend an index file of the hub's own, filled with a tree, and remove it afterwards."""
    index = temporary_index(bare)
    try:
        if tree is not None:
            run_git(["read-tree", check_id(tree)], Place(git_dir=bare, index=index))
        yield index
    finally:
        index.unlink(missing_ok=True)
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)


def clear_stale_locks(bare: Path) -> list[Path]:
    """Remove locks older than 60 s and private indexes older than an hour, left by a killed git."""
    removed = []
    for top, folders, names in os.walk(bare):
        if Path(top) == bare and "objects" in folders:
            folders.remove("objects")
        for path in (Path(top, name) for name in names):
            if _is_stale(path):
                path.unlink(missing_ok=True)
                removed.append(path)
    return removed


def _is_stale(path: Path) -> bool:
    is_lock = path.name.endswith(".lock")
    if not is_lock and not path.name.startswith("index."):
        return False
    try:
        age_s = time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return False
    return age_s > (STALE_LOCK_S if is_lock else STALE_INDEX_S)


def _make(bare: Path, group: int | None) -> None:
    """Make the repository beside its place and move it there whole, so that a crash leaves none."""
    half = Path(tempfile.mkdtemp(prefix=f".{bare.name}.", dir=bare.parent))
    try:
        if group is not None:
            os.chown(half, -1, group)
            half.chmod(0o2750)
        shared = "umask" if group is None else "0640"
        run_git(
            ["init", "--quiet", "--bare", "--template=", f"--shared={shared}", str(half)],
            Place(),
        )
        (half / "info").mkdir(exist_ok=True)
        (half / "info" / "attributes").write_text(ATTRIBUTES)
        half.rename(bare)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise


def _follow_head(bare: Path, source: Source) -> str:
    answer = run_git(
        ["ls-remote", "--symref", "--", source.location, "HEAD"],
        Place(git_dir=bare, protocol=source.protocol),
        bounds=FETCH,
    )
    match = re.match(r"ref: refs/heads/(\S+)\tHEAD", answer.text)
    branch = match[1] if match else _any_branch(bare)
    if branch is None or branch_tip(bare, branch) is None:
        raise Invalid("The repository has no commit yet.", code="source.empty")
    run_git(["symbolic-ref", "HEAD", branch_ref(branch)], Place(git_dir=bare))
    return branch


def _any_branch(bare: Path) -> str | None:
    """Choose a branch where the source's HEAD names none (it is detached)."""
    answer = run_git(
        ["for-each-ref", "--format=%(refname:strip=2)", "refs/heads"], Place(git_dir=bare)
    )
    names = [one for one in answer.text.splitlines() if not one.startswith(AGENT_BRANCHES)]
    return next((one for one in ("main", "master") if one in names), names[0] if names else None)


@contextmanager
def _alone(bare: Path) -> Iterator[None]:
    """Let one process at a time make or fetch; the kernel frees the lock of a killed one."""
    lock = bare.with_name(f".{bare.name}.flock")
    deadline = time.monotonic() + MIRROR_WAIT_S
    with lock.open("w") as file:
        while not _try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise Unavailable("Somebody else is fetching this repository.", code="git.busy")
            time.sleep(0.1)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _clean_name(text: str) -> str:
    return "".join(one for one in text if one.isprintable() and one not in "<>").strip(" .,:;")[
        :100
    ]


def _clean_message(message: str) -> str:
    text = "".join(one for one in message if one in "\n\t" or one.isprintable()).strip()
    if not text or len(text) > MAX_MESSAGE_CHARS:
        raise Invalid(
            f"A commit message has 1 to {MAX_MESSAGE_CHARS:,} characters.", code="commit.message"
        )
    return text + "\n"
