"""An agent poisons its checkout in every known way; the hub's git must run none of it (G41)."""

import os
from pathlib import Path

import pytest

from agents.git import checkouts, diffs, merges, publishing, repository, trees
from agents.git.run import Bounds, GitError, Place, run_git
from tests.agents.git import poisons
from tests.agents.git.poisons import LIVE, POISONS, Poison, config
from tests.agents.repositories import BRANCH, RAMONA, Office, Person, make_office, make_person


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def evil(tmp_path: Path, canary: Path) -> str:
    """Make a program that leaves a trace when anybody runs it."""
    path = tmp_path / "evil"
    path.write_text(f"#!/bin/sh\ntouch {canary}\nexit 1\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Make an office over a repository with a submodule, which the agent finds empty."""
    inner = make_person(tmp_path / "inner")
    person = make_person(tmp_path / "person")
    person.git("-c", "protocol.file.allow=always", "submodule", "add", str(inner.path), "sub")
    person.commit({})
    return make_office(tmp_path, person)


@pytest.mark.parametrize("poison", POISONS, ids=lambda one: one.__name__)
def test_the_hub_runs_nothing_of_a_poisoned_checkout(
    office: Office, tmp_path: Path, canary: Path, evil: str, poison: Poison
):
    (office.checkout / "README.md").write_text("one\n2\nthree\n")
    poison(office.checkout, evil)

    tree = office.take()
    tip = repository.commit(
        office.bare, BRANCH, tree.sha, message="Work", author=RAMONA, expected=tree.tip
    )
    office.person.commit({"base.txt": "base", "README.md": "one\ntwo\nthree\nfour\n"})
    repository.ensure_mirror(str(office.person.path), office.bare)
    base = repository.branch_tip(office.bare, "main") or ""
    diffs.diff(office.bare, base, tree.sha)
    result = merges.rebase(office.bare, BRANCH, "main")
    assert result.tip
    assert result.tree
    merges.same_change(office.bare, (office.tip, tree.sha), (base, result.tree))
    checkouts.extract(office.bare, result.tree, tmp_path / "trial")
    checkouts.create_checkout(office.bare, tmp_path / "next", branch="parley/8-next", base=BRANCH)
    publishing.publish(office.bare, str(office.person.path), "main", tip=result.tip, expected=base)
    merges.fast_forward(office.bare, "main", tip=result.tip, expected=base)
    checkouts.remove_checkout(office.checkout)

    assert not canary.exists()
    assert repository.branch_tip(office.bare, BRANCH) == tip
    assert office.names(tree.sha)["sub"] == "160000"
    assert not any(".git/" in name for name in office.names(tree.sha))


@pytest.mark.parametrize("poison", LIVE, ids=lambda one: one.__name__)
def test_plain_git_in_the_same_checkout_runs_the_poison(
    office: Office, canary: Path, evil: str, poison: Poison
):
    (office.checkout / "README.md").write_text("one\n2\nthree\n")
    poison(office.checkout, evil)

    agent = Person(office.checkout)
    for words in ("status", "add --all", "diff HEAD", "commit -m x", "fetch origin"):
        agent.git(*words.split(), check=False)

    assert canary.exists()


def test_git_add_in_the_hub_would_run_the_filter_of_a_submodule(
    office: Office, canary: Path, evil: str
):
    poisons.submodule_at_its_commit(office.checkout, evil)

    with repository.private_index(office.bare, repository.tree_of(office.bare, office.tip)) as at:
        place = Place(git_dir=office.bare, work_tree=office.checkout, index=at)
        run_git(["add", "--all"], place)

    assert canary.exists()


def test_what_a_persons_repository_configures_runs_neither(office: Office, canary: Path, evil: str):
    person = office.person.path
    for poison in (
        poisons.fsmonitor, poisons.hooks, poisons.signing, poisons.programs,
        poisons.external_diff, poisons.ssh_command,
    ):  # fmt: skip
        poison(person, evil)
    for key in ("clean", "smudge", "process"):
        config(person, f"filter.evil.{key}", evil)
        config(person, f"filter.a=b.c.{key}", evil)
    config(person, "merge.evil.driver", evil)
    config(person, "branch.main.mergeOptions", "--verify-signatures -s evil")
    tip = office.commit(
        {
            ".gitattributes": "* filter=evil merge=evil\n*.py filter=a=b.c\n",
            "src/words.py": "W = 2\n",
        }
    )

    publishing.publish(office.bare, str(person), "main", tip=tip, expected=office.tip)
    repository.ensure_mirror(str(person), office.bare)

    assert not canary.exists()
    assert (person / "src" / "words.py").read_text() == "W = 2\n"


def test_a_pipe_as_ignore_file_cannot_hold_the_hub_for_long(office: Office, monkeypatch):
    os.mkfifo(office.checkout / ".gitignore")
    monkeypatch.setattr(trees, "LIST", Bounds(timeout_s=0.5))

    with pytest.raises(GitError) as failure:
        office.take()

    assert failure.value.code == "git.timeout"
