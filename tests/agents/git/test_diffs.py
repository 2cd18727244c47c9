import os

import pytest

from agents.git import diffs
from tests.agents.repositories import Office, make_office, make_person


def test_a_change_is_told_file_by_file_and_line_by_line(office: Office):
    (office.checkout / "README.md").write_text("one\n2\nthree\nfour\n")

    found = diffs.diff(office.bare, office.tip, office.take().sha)

    (file,) = found.files
    (hunk,) = file.hunks
    assert (file.path, file.old_path, file.status) == ("README.md", None, "modified")
    assert (file.additions, file.deletions, file.binary) == (2, 1, False)
    assert [(line.kind, line.old_no, line.new_no, line.text) for line in hunk.lines] == [
        ("context", 1, 1, "one"),
        ("deleted", 2, None, "two"),
        ("added", None, 2, "2"),
        ("context", 3, 3, "three"),
        ("added", None, 4, "four"),
    ]
    assert found.stat == diffs.Stat(files=1, additions=2, deletions=1)
    assert not found.truncated


def test_every_way_a_file_can_change_has_a_word(tmp_path):
    long = "".join(f"line {number}\n" for number in range(40))
    office = make_office(
        tmp_path,
        make_person(
            tmp_path / "person",
            {"moved.txt": long, "binary": "\0one", "gone.txt": "gone\n", "kind": "a file\n"},
        ),
    )
    (office.checkout / "moved.txt").rename(office.checkout / "there.txt")
    (office.checkout / "binary").write_bytes(b"\0two")
    (office.checkout / "gone.txt").unlink()
    (office.checkout / "kind").unlink()
    (office.checkout / "kind").symlink_to("README.md")
    (office.checkout / "new.txt").write_text("no end of line")
    (office.checkout / "README.md").chmod(0o755)

    files = diffs.diff(office.bare, office.tip, office.take().sha).files

    assert {(file.path, file.old_path, file.status, file.binary) for file in files} == {
        ("README.md", None, "modified", False),
        ("binary", None, "modified", True),
        ("gone.txt", None, "deleted", False),
        ("kind", None, "retyped", False),
        ("new.txt", None, "added", False),
        ("there.txt", "moved.txt", "renamed", False),
    }
    by_path = {file.path: file for file in files}
    assert by_path["README.md"].new_mode == "100755"
    assert len(by_path["kind"].hunks) == 2
    assert by_path["new.txt"].hunks[0].lines[-1].kind == "note"


def test_content_that_looks_like_a_patch_is_only_content(office: Office):
    fake = "diff --git a/x b/x\n@@ -1 +1 @@\n--- a/x\n+++ b/x\n-- \n"
    (office.checkout / "fake.txt").write_text(fake)
    (office.checkout / "name\ndiff --git a").write_text("x\n")

    files = diffs.diff(office.bare, office.tip, office.take().sha).files

    by_path = {file.path: file for file in files}
    assert len(files) == 2
    assert [line.text for line in by_path["fake.txt"].hunks[0].lines] == fake.splitlines()
    assert all(line.kind == "added" for line in by_path["fake.txt"].hunks[0].lines)


def test_names_and_lines_that_are_no_text_are_shown_with_marks(office: Office):
    with open(os.fsencode(office.checkout) + b"/a\xff", "wb") as file:  # noqa: PTH123
        file.write(b"caf\xe9\r\n")

    (found,) = diffs.diff(office.bare, office.tip, office.take().sha).files

    assert found.path == "a\ufffd"
    assert found.hunks[0].lines[0].text == "caf\ufffd\r"


@pytest.mark.parametrize("rows", [1, 20])
def test_a_file_with_too_many_lines_is_cut_and_says_so(office: Office, monkeypatch, rows):
    monkeypatch.setattr(diffs, "MAX_LINES_PER_FILE", 5)
    spaced = "".join(f"{number}\n" + "same\n" * 10 for number in range(3))
    (office.checkout / "long.txt").write_text("x\n" * rows + spaced)

    found = diffs.diff(office.bare, office.tip, office.take().sha)

    (file,) = found.files
    assert sum(len(hunk.lines) for hunk in file.hunks) == 5
    assert file.truncated
    assert found.truncated
    assert file.additions == rows + 33


def test_hunks_beyond_the_limit_are_missed_even_when_it_falls_between_two(
    office: Office, monkeypatch
):
    before = office.commit({"long.txt": "".join(f"{number}\n" for number in range(60))})
    changed = [f"{number}!\n" if number in {0, 50} else f"{number}\n" for number in range(60)]
    (office.checkout / "long.txt").write_text("".join(changed))
    tree = office.take().sha
    whole = diffs.diff(office.bare, before, tree).files[0]
    monkeypatch.setattr(diffs, "MAX_LINES_PER_FILE", len(whole.hunks[0].lines))

    cut = diffs.diff(office.bare, before, tree).files[0]

    assert len(whole.hunks) == 2
    assert not whole.truncated
    assert cut.hunks == whole.hunks[:1]
    assert cut.truncated


def test_too_many_files_are_counted_but_not_shown(office: Office, monkeypatch):
    monkeypatch.setattr(diffs, "MAX_FILES", 2)
    for name in "abcd":
        (office.checkout / name).write_text(name)

    found = diffs.diff(office.bare, office.tip, office.take().sha)

    assert [file.path for file in found.files] == ["a", "b"]
    assert found.stat.files == 4
    assert found.truncated


def test_a_patch_that_is_too_long_is_cut_and_the_files_after_it_say_so(office: Office, monkeypatch):
    monkeypatch.setattr(diffs, "PATCH", diffs.Bounds(output_bytes=400, cut=True))
    for name in "abc":
        (office.checkout / name).write_text(f"{name}\n" * 50)

    found = diffs.diff(office.bare, office.tip, office.take().sha)

    assert [file.truncated for file in found.files] == [False, True, True]
    assert found.files[2].hunks == ()
    assert found.truncated


def test_a_long_line_is_cut(office: Office):
    (office.checkout / "long.txt").write_text("x" * 2_001 + "\n")

    found = diffs.diff(office.bare, office.tip, office.take().sha)

    assert len(found.files[0].hunks[0].lines[0].text) == 2_000
    assert found.truncated


def test_a_big_file_counts_as_binary(office: Office):
    (office.checkout / "big.txt").write_text("x\n" * 600_000)

    (file,) = diffs.diff(office.bare, office.tip, office.take().sha).files

    assert file.binary
    assert file.hunks == ()


def test_the_caps_of_a_diff_have_these_numbers():
    assert (diffs.MAX_FILES, diffs.MAX_LINES_PER_FILE, diffs.MAX_LINE_CHARS) == (300, 5_000, 2_000)
    assert diffs.PATCH.output_bytes == 8_000_000


def test_the_size_of_a_change_is_counted_alone(office: Office):
    (office.checkout / "new.txt").write_text("a\nb\n")

    assert diffs.stat(office.bare, office.tip, office.take().sha) == diffs.Stat(
        files=1, additions=2, deletions=0
    )


def test_nothing_changed_is_an_empty_diff(office: Office):
    found = diffs.diff(office.bare, office.tip, office.take().sha)

    assert found == diffs.Diff(
        files=(), stat=diffs.Stat(files=0, additions=0, deletions=0), truncated=False
    )
