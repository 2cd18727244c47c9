"""Makes the bundled example repository, which the rehearsal and the tests work on."""

import shutil
from pathlib import Path

from agents.git.run import Place, run_git
from hub.errors import Conflict

EXAMPLE = Path(__file__).parent / "examples" / "wordcount"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")
BUG_TEST = "tests/test_words.py"
AUTHOR = ("Parley demo", "demo@parley.invalid")
COMMITS = (  # subject, what it leaves for later, date; fixed dates make the ids the same everywhere
    ("Count lines, words and characters", BUG_TEST, "2026-01-05T09:00:00+00:00"),
    ("Add tests for words, one of which fails", None, "2026-01-06T09:00:00+00:00"),
)


def make(path: Path) -> None:
    """Make a git repository with the example in a new folder: branch main, two commits.

    One of its tests fails because of a real bug, and its README wishes for an option `--json`.
    Raises Conflict `example.exists` when something is there already.
    """
    if path.exists():
        raise Conflict(f"{path.name} is there already.", code="example.exists")
    shutil.copytree(EXAMPLE, path, ignore=LEFT_OUT)
    place = Place(cwd=path)
    run_git(["init", "--quiet", "--template=", "--initial-branch=main"], place)
    for subject, later, date in COMMITS:
        run_git(["add", "--all"], place)
        if later:
            run_git(["rm", "--quiet", "--cached", "--", later], place)
        run_git(["commit", "--quiet", "--message", subject], place, env=_signature(date))


def _signature(date: str) -> dict[str, str]:
    name, email = AUTHOR
    return {
        f"GIT_{role}_{fact}": value
        for role in ("AUTHOR", "COMMITTER")
        for fact, value in (("NAME", name), ("EMAIL", email), ("DATE", date))
    }
