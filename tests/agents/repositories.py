"""A person's repository and a project's checkout, as the tests of git and of tools need them."""

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agents.git import checkouts, repository, trees

BRANCH = "parley/7-count-words"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RAMONA = repository.Signature.of_agent("Ramona", NOON)


@dataclass(frozen=True)
class Person:
    """A repository somebody works in with their own git, which obeys its config."""

    path: Path

    def git(self, *args: str, check: bool = True) -> str:
        """Run plain git here, as a person would, and give what it printed."""
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.path.parent),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_AUTHOR_NAME": "Ada",
                "GIT_AUTHOR_EMAIL": "ada@example.com",
                "GIT_COMMITTER_NAME": "Ada",
                "GIT_COMMITTER_EMAIL": "ada@example.com",
            },
            capture_output=True,
            text=True,
            check=check,
            timeout=30,
        )
        return done.stdout.strip()

    def write(self, files: dict[str, str]) -> None:
        """Write files by their paths."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def commit(self, files: dict[str, str], message: str = "Change") -> str:
        """Write files, commit everything and give the commit's id."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")


@dataclass(frozen=True)
class Office:
    """A person's repository, the hub's own one, and a checkout on the task's branch."""

    person: Person
    bare: Path
    checkout: Path
    tip: str

    def take(self) -> trees.Tree:
        """Take what stands in the checkout."""
        return trees.take_tree(self.bare, self.checkout, BRANCH)

    def commit(self, files: dict[str, str], message: str = "Work") -> str:
        """Let the agent write files and the hub commit them."""
        Person(self.checkout).write(files)
        tree = self.take()
        return repository.commit(
            self.bare, BRANCH, tree.sha, message=message, author=RAMONA, expected=tree.tip
        )

    def names(self, tree: str) -> dict[str, str]:
        """List a tree of the hub's as {path: mode}."""
        listing = subprocess.check_output(
            ["git", "--git-dir", str(self.bare), "ls-tree", "-r", tree], text=True
        )
        rows = [line.split(None, 3) for line in listing.splitlines()]
        return {name: mode for mode, _, _, name in rows}

    def content(self, tree: str, name: str) -> bytes:
        """Read a file out of a tree of the hub's."""
        return subprocess.check_output(
            ["git", "--git-dir", str(self.bare), "cat-file", "blob", f"{tree}:{name}"]
        )


def make_person(path: Path, files: dict[str, str] | None = None) -> Person:
    """Make a repository with one commit on main."""
    path.mkdir(parents=True)
    person = Person(path)
    person.git("init", "--quiet", "--initial-branch=main")
    person.commit({"README.md": "one\ntwo\nthree\n", "src/words.py": "WORDS = 1\n"} | (files or {}))
    return person


def make_office(folder: Path, person: Person) -> Office:
    """Mirror a person's repository and make a checkout for a task."""
    bare = folder / "hub" / "project.git"
    repository.ensure_mirror(str(person.path), bare)
    checkout = folder / "checkouts" / "7"
    tip = checkouts.create_checkout(bare, checkout, branch=BRANCH, base="main")
    return Office(person=person, bare=bare, checkout=checkout, tip=tip)
