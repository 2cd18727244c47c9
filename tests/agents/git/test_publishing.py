import os
import threading

import pytest

from agents.git import merges, publishing, repository
from agents.git.sources import Source
from hub.errors import Conflict, NotFound
from tests.agents.repositories import Office, Person, make_office

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def publish(office: Office, tip: str, expected: str | None = None) -> None:
    publishing.publish(
        office.bare, str(office.person.path), "main", tip=tip, expected=expected or office.tip
    )


def refusal_of(office: Office, tip: str) -> Conflict:
    with pytest.raises(Conflict) as refusal:
        publish(office, tip)
    return refusal.value


def test_a_branch_that_is_checked_out_moves_with_its_files(office: Office):
    tip = office.commit({"src/words.py": "WORDS = 2\n", "new/deep.txt": "new"})
    (office.person.path / "notes.txt").write_text("untracked")

    publish(office, tip)

    assert office.person.git("rev-parse", "main") == tip
    assert (office.person.path / "src" / "words.py").read_text() == "WORDS = 2\n"
    assert (office.person.path / "new" / "deep.txt").read_text() == "new"
    assert office.person.git("status", "--short") == "?? notes.txt"


def test_a_branch_that_nobody_has_checked_out_moves_alone(office: Office):
    office.person.git("checkout", "--quiet", "-b", "elsewhere")
    tip = office.commit({"src/words.py": "WORDS = 2\n"})

    publish(office, tip)

    assert office.person.git("rev-parse", "main") == tip
    assert (office.person.path / "src" / "words.py").read_text() == "WORDS = 1\n"
    assert office.person.git("status", "--short", "--branch") == "## elsewhere"


def test_a_bare_source_moves(tmp_path, person: Person):
    person.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    office = make_office(tmp_path, Person(tmp_path / "bare.git"))
    tip = office.commit({"new.txt": "new"})

    publish(office, tip)

    assert office.person.git("rev-parse", "main") == tip


def test_publishing_twice_is_the_same_as_once(office: Office):
    tip = office.commit({"new.txt": "new"})

    publish(office, tip)
    publish(office, tip)

    assert office.person.git("rev-parse", "main") == tip


@pytest.mark.parametrize("staged", [True, False])
def test_a_base_with_uncommitted_changes_stays_and_the_words_say_why(office: Office, staged):
    tip = office.commit({"src/words.py": "WORDS = 2\n"})
    office.person.write({"README.md": "half done\n"})
    if staged:
        office.person.git("add", "README.md")

    refusal = refusal_of(office, tip)

    assert refusal.code == "merge.base_dirty"
    assert "README.md" in refusal.message
    assert office.person.git("rev-parse", "main") == office.tip
    assert (office.person.path / "README.md").read_text() == "half done\n"


@pytest.mark.parametrize("ignored", [True, False])
def test_a_file_in_the_way_is_never_overwritten(office: Office, ignored):
    tip = office.commit({"settings.env": "from the agent", "other.txt": "other"})
    if ignored:
        (office.person.path / ".git" / "info" / "exclude").write_text("settings.env\n")
    office.person.write({"settings.env": "a person's own"})

    refusal = refusal_of(office, tip)

    assert refusal.code == "merge.base_dirty"
    assert "settings.env" in refusal.message
    assert (office.person.path / "settings.env").read_text() == "a person's own"
    assert not (office.person.path / "other.txt").exists()
    assert office.person.git("rev-parse", "main") == office.tip


def test_a_base_in_the_middle_of_a_merge_stays(office: Office):
    office.person.git("branch", "side")
    office.person.git("checkout", "--quiet", "side")
    office.person.commit({"side.txt": "side"})
    office.person.git("checkout", "--quiet", "main")
    office.person.git("merge", "--no-ff", "--no-commit", "--quiet", "side")
    tip = office.commit({"new.txt": "new"})

    refusal = refusal_of(office, tip)

    assert refusal.code == "merge.base_dirty"
    assert "middle of a merge" in refusal.message


def test_a_base_checked_out_in_another_folder_moves_there(office: Office, tmp_path):
    office.person.git("checkout", "--quiet", "-b", "elsewhere")
    office.person.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "main")
    tip = office.commit({"new.txt": "new"})

    publish(office, tip)

    assert (tmp_path / "linked" / "new.txt").read_text() == "new"
    assert Person(tmp_path / "linked").git("status", "--short") == ""


def test_a_base_checked_out_twice_stays(office: Office, tmp_path):
    office.person.git("worktree", "add", "--quiet", "--force", str(tmp_path / "linked"), "main")
    tip = office.commit({"new.txt": "new"})

    assert refusal_of(office, tip).code == "merge.base_dirty"


def test_a_base_that_moved_meanwhile_stays(office: Office):
    tip = office.commit({"new.txt": "new"})
    newer = office.person.commit({"other.txt": "other"})

    refusal = refusal_of(office, tip)

    assert refusal.code == "merge.base_moved"
    assert office.person.git("rev-parse", "main") == newer


def test_a_locked_base_stays_and_says_so(office: Office):
    tip = office.commit({"new.txt": "new"})
    (office.person.path / ".git" / "index.lock").touch()

    refusal = refusal_of(office, tip)

    assert refusal.code == "merge.base_dirty"
    assert "index.lock" in refusal.message


def test_an_unknown_branch_of_the_source_is_refused(office: Office):
    tip = office.commit({"new.txt": "new"})

    with pytest.raises(NotFound) as refusal:
        publishing.publish(
            office.bare, str(office.person.path), "gone", tip=tip, expected=office.tip
        )

    assert refusal.value.code == "branch.unknown"


def test_of_two_merges_at_once_one_wins(office: Office, tmp_path):
    office.person.git("checkout", "--quiet", "-b", "elsewhere")
    tips = []
    for name in ("one", "two"):
        (office.checkout / "new.txt").write_text(name)
        tips.append(
            repository.commit_tree(
                office.bare,
                office.take().sha,
                parent=office.tip,
                message=name,
                author=repository.Signature.of_agent(name, merges.NOBODY.when),
            )
        )
    barrier = threading.Barrier(2)
    outcomes = []

    def merge(tip: str) -> None:
        barrier.wait()
        try:
            publish(office, tip)
        except Conflict as refusal:
            outcomes.append(refusal.code)
        else:
            outcomes.append("merged")

    threads = [threading.Thread(target=merge, args=(tip,)) for tip in tips]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["merge.base_moved", "merged"]


def remote(office: Office, tmp_path) -> tuple[Person, Source]:
    """Make a remote that is pushed to; the network is closed, so git's own file protocol."""
    office.person.git("clone", "--quiet", "--bare", ".", str(tmp_path / "remote.git"))
    path = tmp_path / "remote.git"
    return Person(path), Source(location=str(path), protocol="file")


def test_a_source_behind_a_url_is_pushed_to(office: Office, tmp_path):
    there, source = remote(office, tmp_path)
    tip = office.commit({"new.txt": "new"})

    publishing._push(office.bare, source, "main", tip)

    assert there.git("rev-parse", "main") == tip


def test_a_push_that_is_no_fast_forward_is_refused(office: Office, tmp_path):
    there, source = remote(office, tmp_path)
    tip = office.commit({"new.txt": "new"})
    newer = office.person.commit({"other.txt": "other"})
    office.person.git("push", "--quiet", str(there.path), "main")

    with pytest.raises(Conflict) as refusal:
        publishing._push(office.bare, source, "main", tip)

    assert refusal.value.code == "merge.base_moved"
    assert there.git("rev-parse", "main") == newer


def test_a_push_that_the_other_side_refuses_gives_its_words(office: Office):
    source = Source(location=str(office.person.path), protocol="file")
    tip = office.commit({"new.txt": "new"})

    with pytest.raises(Conflict) as refusal:
        publishing._push(office.bare, source, "main", tip)

    assert refusal.value.code == "merge.refused"
    assert "checked out" in refusal.value.message
    assert office.person.git("rev-parse", "main") == office.tip


@needs_root
def test_as_root_the_files_of_a_persons_repository_stay_theirs(office: Office):
    for path in (office.person.path, *office.person.path.rglob("*")):
        os.chown(path, 65_534, 65_534, follow_symlinks=False)
    for parent in office.person.path.parents:
        if not parent.stat().st_mode & 0o001:  # also the folder of an xdist worker
            parent.chmod(parent.stat().st_mode | 0o011)
    tip = office.commit({"new/file.txt": "new"})

    publish(office, tip)

    owners = {path.lstat().st_uid for path in office.person.path.rglob("*")}
    assert owners == {65_534}
    assert (office.person.path / "new" / "file.txt").read_text() == "new"
