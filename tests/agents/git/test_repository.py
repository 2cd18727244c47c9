import os
import threading
import time

import pytest

from agents.git import repository
from agents.git.repository import Signature
from hub.errors import Conflict, Invalid
from tests.agents.repositories import BRANCH, NOON, RAMONA, Office, Person


def log(office: Office, branch: str, form: str) -> str:
    return Person(office.bare).git("log", "-1", f"--format={form}", branch)


def test_the_mirror_follows_its_source_and_keeps_the_hubs_branches(office: Office):
    office.person.git("branch", "old")
    repository.ensure_mirror(str(office.person.path), office.bare)
    office.person.git("branch", "-D", "old")
    newer = office.person.commit({"new.txt": "new"})

    default = repository.ensure_mirror(str(office.person.path), office.bare)

    assert default == "main"
    assert repository.branch_tip(office.bare, "main") == newer
    assert repository.branch_tip(office.bare, "old") is None
    assert repository.branch_tip(office.bare, BRANCH) == office.tip


def test_a_source_cannot_bring_a_branch_in_the_name_of_an_agent(office: Office):
    office.person.commit({"evil.txt": "evil"})
    office.person.git("branch", BRANCH)
    office.person.git("branch", "parley/8-other")

    repository.ensure_mirror(str(office.person.path), office.bare)

    assert repository.branch_tip(office.bare, BRANCH) == office.tip
    assert repository.branch_tip(office.bare, "parley/8-other") is None


def test_a_rewritten_source_is_followed(office: Office):
    office.person.git("commit", "--amend", "--quiet", "-m", "Other words")

    repository.ensure_mirror(str(office.person.path), office.bare)

    assert repository.branch_tip(office.bare, "main") == office.person.git("rev-parse", "HEAD")


def test_a_detached_source_still_has_a_default_branch(tmp_path, person: Person):
    person.git("checkout", "--quiet", "--detach")

    assert repository.ensure_mirror(str(person.path), tmp_path / "x.git") == "main"


def test_a_repository_without_a_commit_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    Person(tmp_path / "empty").git("init", "--quiet")

    with pytest.raises(Invalid) as refusal:
        repository.ensure_mirror(str(tmp_path / "empty"), tmp_path / "x.git")

    assert refusal.value.code == "source.empty"


def test_the_hubs_repository_has_no_hooks_and_remembers_no_remote(office: Office):
    assert not (office.bare / "hooks").exists()
    assert "remote" not in (office.bare / "config").read_text()
    assert {path.suffix for path in office.bare.parent.iterdir()} == {".git", ".flock"}


def test_two_that_make_the_same_mirror_at_once_both_get_it(tmp_path, person: Person):
    bare = tmp_path / "hub" / "x.git"
    barrier = threading.Barrier(2)
    found = []

    def make() -> None:
        barrier.wait()
        found.append(repository.ensure_mirror(str(person.path), bare))

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["main", "main"]
    assert repository.branch_tip(bare, "main") == person.git("rev-parse", "HEAD")


def test_a_commit_carries_the_agents_name_and_time(office: Office):
    made = office.commit({"src/words.py": "WORDS = 2\n"}, "Count again\n\nBecause.")

    assert repository.branch_tip(office.bare, BRANCH) == made
    assert log(office, BRANCH, "%an|%ae|%at|%s|%b") == (
        f"Ramona|ramona@parley.invalid|{int(NOON.timestamp())}|Count again|Because."
    )
    assert log(office, BRANCH, "%cn") == "Parley"


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("Ramona <admin@example.com>\nX: y", "Ramona admin@example.comX: y"),
        ("", "agent"),
        ("<>\0\n", "agent"),
        ("x" * 300, "x" * 100),
        ("Zoë", "Zoë"),
    ],
)
def test_a_strange_name_cannot_forge_a_signature(office: Office, name, seen):
    author = Signature(name=name, email="a@b> <evil@example.com", when=NOON)
    (office.checkout / "new.txt").write_text("new")
    tree = office.take()

    repository.commit(
        office.bare, BRANCH, tree.sha, message="New", author=author, expected=tree.tip
    )

    assert log(office, BRANCH, "%an") == seen
    assert log(office, BRANCH, "%ae") == "a@b evil@example.com"


def test_a_commit_on_a_branch_that_moved_is_refused(office: Office):
    office.commit({"a.txt": "a"})
    (office.checkout / "b.txt").write_text("b")
    tree = office.take()

    with pytest.raises(Conflict) as refusal:
        repository.commit(
            office.bare, BRANCH, tree.sha, message="Late", author=RAMONA, expected=office.tip
        )

    assert refusal.value.code == "branch.moved"
    assert log(office, BRANCH, "%s") == "Work"


def test_a_commit_that_changes_nothing_is_refused(office: Office):
    tree = office.take()

    with pytest.raises(Conflict) as refusal:
        repository.commit(
            office.bare, BRANCH, tree.sha, message="Nothing", author=RAMONA, expected=tree.tip
        )

    assert refusal.value.code == "commit.empty"


@pytest.mark.parametrize("message", ["", " \n\t", "\0\x1b", "x" * 20_001])
def test_a_message_needs_words_within_limits(office: Office, message):
    (office.checkout / "new.txt").write_text("new")
    tree = office.take()

    with pytest.raises(Invalid) as refusal:
        repository.commit(
            office.bare, BRANCH, tree.sha, message=message, author=RAMONA, expected=tree.tip
        )

    assert refusal.value.code == "commit.message"


def test_one_of_two_writers_of_a_branch_wins(office: Office):
    tips = []
    for name in ("one", "two"):
        (office.checkout / "new.txt").write_text(name)
        tree = office.take().sha
        tips.append(
            repository.commit_tree(
                office.bare, tree, parent=office.tip, message=name, author=RAMONA
            )
        )
    barrier = threading.Barrier(2)
    outcomes = []

    def move(tip: str) -> None:
        barrier.wait()
        try:
            repository.move_branch(office.bare, BRANCH, tip=tip, expected=office.tip)
        except Conflict as refusal:
            outcomes.append(refusal.code)
        else:
            outcomes.append("moved")

    threads = [threading.Thread(target=move, args=(tip,)) for tip in tips]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["branch.moved", "moved"]


def test_a_branch_is_made_once(office: Office):
    with pytest.raises(Conflict):
        repository.make_branch(office.bare, BRANCH, office.tip)


@pytest.mark.parametrize(
    "branch",
    ["", "-x", "a..b", "a b", "a~1", "a:b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b",
     "a.", "@", "a@{1}", "a\nb", "a\\b", "HEAD", "x" * 201],
)  # fmt: skip
def test_an_impossible_branch_name_is_refused(branch):
    with pytest.raises(Invalid) as refusal:
        repository.branch_ref(branch)

    assert refusal.value.code == "branch.bad"


def test_a_task_names_its_branch():
    assert repository.task_branch(12, "Add JSON output!") == "parley/12-add-json-output"
    assert repository.branch_ref(repository.task_branch(1, "../../x .lock")) == (
        "refs/heads/parley/1-x-lock"
    )


def test_a_lock_that_a_killed_git_left_does_not_block_for_long(office: Office):
    old, young, packed = (
        office.bare / "refs" / "heads" / "parley" / "7-count-words.lock",
        office.bare / "index.young.lock",
        office.bare / "packed-refs.lock",
    )
    for path in (old, young, packed):
        path.touch()
    minute_ago = time.time() - 61
    os.utime(old, (minute_ago, minute_ago))
    os.utime(packed, (minute_ago, minute_ago))

    made = office.commit({"new.txt": "new"})

    assert repository.branch_tip(office.bare, BRANCH) == made
    assert not old.exists()
    assert not packed.exists()
    assert young.exists()
