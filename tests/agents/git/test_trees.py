import os
import shutil

import pytest

from agents.folders import Folder
from agents.git import repository, trees
from agents.processes import RunAs
from hub.errors import Invalid, NotFound
from tests.agents.repositories import BRANCH, Office, Person, make_office, make_person


def test_an_untouched_checkout_is_the_tree_it_was_made_from(office: Office):
    tree = office.take()

    assert tree.sha == repository.tree_of(office.bare, office.tip)
    assert (tree.tip, tree.skipped) == (office.tip, ())


def test_changed_new_and_deleted_files_are_taken_and_ignored_ones_are_not(office: Office):
    (office.checkout / ".gitignore").write_text("*.log\n")
    (office.checkout / "noise.log").write_text("noise")
    (office.checkout / "src" / "new.py").write_text("NEW = 1\n")
    (office.checkout / "README.md").unlink()
    (office.checkout / "src" / "words.py").write_text("WORDS = 2\n")

    tree = office.take().sha

    assert set(office.names(tree)) == {".gitignore", "src/new.py", "src/words.py"}
    assert office.content(tree, "src/words.py") == b"WORDS = 2\n"


def test_taking_a_tree_commits_nothing_and_leaves_the_checkout_alone(office: Office):
    (office.checkout / "new.txt").write_text("new")
    before = sorted(path.name for path in office.bare.iterdir())

    office.take()

    assert repository.branch_tip(office.bare, BRANCH) == office.tip
    assert "?? new.txt" in Person(office.checkout).git("status", "--short")
    assert sorted(path.name for path in office.bare.iterdir()) == before


def test_links_and_the_mode_of_programs_are_kept(office: Office):
    (office.checkout / "link").symlink_to("src/words.py")
    (office.checkout / "run.sh").write_text("#!/bin/sh\n")
    (office.checkout / "run.sh").chmod(0o755)

    names = office.names(office.take().sha)

    assert (names["link"], names["run.sh"]) == ("120000", "100755")


def test_a_link_out_of_the_checkout_is_stored_and_never_followed(office: Office, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "words.py").write_text("the hub's own\n")
    shutil.rmtree(office.checkout / "src")
    (office.checkout / "src").symlink_to(secret)
    (office.checkout / "README.md").unlink()
    (office.checkout / "README.md").symlink_to(secret / "words.py")

    tree = office.take().sha

    assert office.names(tree) == {"README.md": "120000", "src": "120000"}
    assert office.content(tree, "src") == str(secret).encode()


def test_a_file_and_a_folder_may_change_places(office: Office):
    shutil.rmtree(office.checkout / "src")
    (office.checkout / "src").write_text("a file now")
    (office.checkout / "README.md").unlink()
    (office.checkout / "README.md").mkdir()
    (office.checkout / "README.md" / "part.md").write_text("a folder now")

    names = office.names(office.take().sha)

    assert set(names) == {"src", "README.md/part.md"}


def test_a_repository_inside_the_checkout_is_left_out_and_named(office: Office):
    inner = office.checkout / "vendor"
    inner.mkdir()
    Person(inner).git("init", "--quiet")
    (inner / "file").write_text("inner")
    Person(inner).commit({})

    tree = office.take()

    assert tree.sha == repository.tree_of(office.bare, office.tip)
    assert tree.skipped == ("vendor/",)


def test_what_is_no_file_is_left_out_and_named(office: Office):
    (office.checkout / "README.md").unlink()
    os.mkfifo(office.checkout / "README.md")

    tree = office.take()

    assert tree.skipped == ("README.md",)
    assert set(office.names(tree.sha)) == {"src/words.py"}


def test_a_submodule_stays_as_the_base_has_it(tmp_path):
    inner = make_person(tmp_path / "inner")
    person = make_person(tmp_path / "person")
    person.git("-c", "protocol.file.allow=always", "submodule", "add", str(inner.path), "sub")
    person.commit({})
    office = make_office(tmp_path, person)
    (office.checkout / "sub" / "mine.txt").write_text("mine")

    tree = office.take()

    assert office.names(tree.sha)["sub"] == "160000"
    assert tree.sha == repository.tree_of(office.bare, office.tip)


def test_bytes_are_stored_as_they_are_whatever_the_attributes_say(tmp_path):
    attributes = "*.bat text eol=crlf\n*.txt text working-tree-encoding=UTF-16 ident\n"
    person = make_person(tmp_path / "person", {".gitattributes": attributes})
    office = make_office(tmp_path, person)
    (office.checkout / "a.bat").write_bytes(b"one\r\ntwo\r\n")
    (office.checkout / "b.txt").write_bytes(b"$Id$\r\n\xff\n")

    tree = office.take().sha

    assert office.content(tree, "a.bat") == b"one\r\ntwo\r\n"
    assert office.content(tree, "b.txt") == b"$Id$\r\n\xff\n"


def test_names_that_are_no_text_are_taken(office: Office):
    strange = os.fsencode(office.checkout) + b"/a\xff\n\tb"
    with open(strange, "wb") as file:  # noqa: PTH123
        file.write(b"strange")

    tree = office.take().sha

    assert len(office.names(tree)) == 3


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_NEW_FILES", 2), ("MAX_FILE_BYTES", 9), ("MAX_CHANGED_BYTES", 29)]
)
def test_a_checkout_over_a_limit_is_refused(office: Office, monkeypatch, limit, value):
    monkeypatch.setattr(trees, limit, value)
    for name in "abc":
        (office.checkout / name).write_text(name * 10)

    with pytest.raises(Invalid) as refusal:
        office.take()

    assert refusal.value.code in {"tree.too_large", "file.too_large"}


def test_the_limits_of_a_checkout_have_these_numbers():
    assert (trees.MAX_NEW_FILES, trees.MAX_FILE_BYTES, trees.MAX_CHANGED_BYTES) == (
        20_000,
        100_000_000,
        200_000_000,
    )


def test_a_file_of_another_user_is_refused(office: Office):
    stranger = RunAs(os.getuid() + 1, os.getgid())

    with pytest.raises(Invalid) as refusal:
        trees.take_tree(office.bare, office.checkout, BRANCH, owner=stranger)

    assert refusal.value.code == "path.outside"


def test_an_unknown_branch_or_checkout_is_refused(office: Office, tmp_path):
    with pytest.raises(NotFound) as no_branch:
        trees.take_tree(office.bare, office.checkout, "parley/9-x")
    with pytest.raises(NotFound) as no_checkout:
        trees.take_tree(office.bare, tmp_path / "gone", BRANCH)

    assert no_branch.value.code == "branch.unknown"
    assert no_checkout.value.code == "checkout.missing"


def test_a_folder_swapped_for_a_link_after_it_was_listed_gives_nothing_away(
    office: Office, tmp_path
):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "words.py").write_text("the hub's own\n")
    listed = trees._Entry("src/words.py")

    with Folder(office.checkout) as folder:
        before = trees._look(folder, listed)
        shutil.rmtree(office.checkout / "src")
        (office.checkout / "src").symlink_to(tmp_path / "secret")
        (office.checkout / "README.md").touch()
        after_other_folder = trees._look(folder, trees._Entry("README.md"))
        after = trees._look(folder, listed)

    assert before is not None
    assert before.content == b"WORDS = 1\n"
    assert after_other_folder is not None
    assert after is None
