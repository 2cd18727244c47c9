import os
import stat

import pytest

from agents.git import checkouts, repository
from agents.processes import RunAs
from hub.errors import Conflict, Invalid, NotFound
from tests.agents.repositories import BRANCH, Office, Person, make_office, make_person

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = RunAs(65_534, 65_534)


def test_a_checkout_stands_on_its_own_branch_with_the_base_beside_it(office: Office):
    agent = Person(office.checkout)

    assert agent.git("status", "--short", "--branch") == f"## {BRANCH}"
    assert agent.git("rev-parse", "HEAD", "main").split() == [office.tip, office.tip]
    assert repository.branch_tip(office.bare, BRANCH) == office.tip


def test_a_checkout_has_nowhere_to_push_and_signs_as_nobody(office: Office):
    agent = Person(office.checkout)

    assert agent.git("remote") == ""
    assert agent.git("config", "user.name", check=False) == ""
    assert not (office.checkout / ".git" / "hooks").exists()


def test_what_an_agent_does_in_its_clone_leaves_the_hubs_repository_alone(office: Office):
    agent = Person(office.checkout)
    before = Person(office.bare).git("for-each-ref")

    agent.commit({"mine.txt": "mine"}, "My own commit")
    agent.git("branch", "-f", "main", "HEAD")
    agent.git("gc", "--quiet", "--prune=now")

    assert Person(office.bare).git("for-each-ref") == before
    assert Person(office.bare).git("fsck", "--strict") == ""
    assert agent.git("rev-parse", "HEAD") not in Person(office.bare).git("rev-list", "--all")


def test_a_second_checkout_of_a_task_goes_on_where_the_hub_stands(office: Office, tmp_path):
    made = office.commit({"new.txt": "new"})

    tip = checkouts.create_checkout(office.bare, tmp_path / "second", branch=BRANCH, base="main")

    assert tip == made
    assert (tmp_path / "second" / "new.txt").read_text() == "new"


def test_a_checkout_is_not_made_over_another_one(office: Office):
    with pytest.raises(Conflict) as refusal:
        checkouts.create_checkout(office.bare, office.checkout, branch=BRANCH, base="main")

    assert refusal.value.code == "checkout.exists"


def test_a_checkout_of_an_unknown_base_is_refused(office: Office, tmp_path):
    with pytest.raises(NotFound) as refusal:
        checkouts.create_checkout(office.bare, tmp_path / "x", branch="parley/8-x", base="gone")

    assert refusal.value.code == "branch.unknown"
    assert not (tmp_path / "x").exists()


def test_a_tree_is_written_out_without_a_git_directory(office: Office, tmp_path):
    (office.checkout / "run.sh").write_text("#!/bin/sh\n")
    (office.checkout / "run.sh").chmod(0o755)
    (office.checkout / "link").symlink_to("/etc")
    tree = office.take().sha

    checkouts.extract(office.bare, tree, tmp_path / "out")

    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["README.md", "link", "run.sh", "src"]
    assert (tmp_path / "out" / "link").readlink().as_posix() == "/etc"
    assert (tmp_path / "out" / "run.sh").stat().st_mode & stat.S_IXUSR
    with pytest.raises(Conflict):
        checkouts.extract(office.bare, tree, tmp_path / "out")


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_TREE_FILES", 1), ("MAX_TREE_BYTES", 10), ("MAX_DEPTH", 1)]
)
def test_a_tree_over_a_limit_is_not_written_out(
    office: Office, tmp_path, monkeypatch, limit, value
):
    monkeypatch.setattr(checkouts, limit, value)

    with pytest.raises(Invalid) as refusal:
        checkouts.extract(office.bare, repository.tree_of(office.bare, office.tip), tmp_path / "x")

    assert refusal.value.code == "tree.too_large"


def test_a_checkout_is_removed_whatever_its_agent_left_there(office: Office):
    locked = office.checkout / "locked"
    locked.mkdir()
    (locked / "file").write_text("x")
    locked.chmod(0)
    (office.checkout / "out").symlink_to(office.person.path)
    here = os.open(office.checkout, os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)

    checkouts.remove_checkout(office.checkout)

    assert not office.checkout.exists()
    assert (office.person.path / "README.md").exists()
    checkouts.remove_checkout(office.checkout)


@needs_root
def test_a_checkout_belongs_to_the_agents_user_and_links_are_not_followed(tmp_path):
    person = make_person(tmp_path / "person")
    (tmp_path / "target").mkdir()
    (person.path / "link").symlink_to(tmp_path / "target")
    person.commit({})
    office = make_office(tmp_path, person)
    path = tmp_path / "other"

    checkouts.create_checkout(office.bare, path, branch="parley/8-x", base="main", owner=NOBODY)

    owners = {one.lstat().st_uid for one in (path, *path.rglob("*"))}
    assert owners == {NOBODY.uid}
    assert (tmp_path / "target").stat().st_uid == 0


@needs_root
def test_a_mirror_is_readable_by_the_agents_group_alone(tmp_path, person: Person):
    bare = tmp_path / "grouped.git"

    repository.ensure_mirror(str(person.path), bare, group=NOBODY.gid)

    folder = (bare / "objects").stat()
    assert folder.st_gid == NOBODY.gid
    assert bare.stat().st_mode & 0o777 == 0o750
    assert folder.st_mode & 0o022 == 0
