"""A change as rows: highlighted, paired, and never more than escaped text where that is unsafe."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_for_filename

from agents.git.diffs import Diff, FileDiff, Hunk, Line, Stat
from agents.models import Note
from agents.web import diffs
from hub.markdown.colour import MAX_COLOURED_CHARS, MAX_COLOURED_LINE_CHARS

PYTHON = get_lexer_for_filename("a.py", stripnl=False, ensurenl=False)
TAG = re.compile(r'<span class="[a-z0-9]+">|</span>')


def line(kind: str, old: int | None, new: int | None, text: str) -> Line:
    return Line(kind=kind, old_no=old, new_no=new, text=text)


HUNK = Hunk(
    old_start=1,
    new_start=1,
    heading="def count",
    lines=(
        line("context", 1, 1, "import re"),
        line("deleted", 2, None, "a = 1"),
        line("deleted", 3, None, "b = 2"),
        line("added", None, 2, "a = 3"),
        line("context", 4, 3, "done()"),
        line("added", None, 4, "more()"),
    ),
)


def made(path: str = "count.py", hunk: Hunk = HUNK) -> Diff:
    one = FileDiff(
        path=path,
        old_path=None,
        status="modified",
        additions=2,
        deletions=2,
        binary=False,
        old_mode="100644",
        new_mode="100644",
        hunks=(hunk,),
        truncated=False,
    )
    return Diff(files=(one,), stat=Stat(files=1, additions=2, deletions=2), truncated=False)


def plain(html: str) -> str:
    return unescape(TAG.sub("", html))


def test_unified_keeps_the_order_and_names_each_line() -> None:
    rows = diffs.files(made(), [], split=False)[0].sections[0].rows

    assert [(row.cell.sign, row.cell.anchor) for row in rows] == [
        (" ", "0n1"),
        ("-", "0o2"),
        ("-", "0o3"),
        ("+", "0n2"),
        (" ", "0n3"),
        ("+", "0n4"),
    ]


def test_side_by_side_pairs_what_was_deleted_with_what_came() -> None:
    rows = diffs.files(made(), [], split=True)[0].sections[0].rows

    pairs = [(row.old and row.old.number, row.new and row.new.number) for row in rows]
    assert pairs == [(1, 1), (2, 2), (3, None), (3, 3), (None, 4)]


@pytest.mark.parametrize("split", [False, True])
def test_a_note_stands_below_its_line_once(split: bool) -> None:
    notes = [
        Note(pk=1, path="count.py", line=2, is_old=True, text="old"),
        Note(pk=2, path="count.py", line=2, is_old=False, text="new"),
        Note(pk=3, path="other.py", line=2, is_old=False, text="elsewhere"),
    ]

    rows = diffs.files(made(), notes, split=split)[0].sections[0].rows

    assert sorted(note.text for row in rows for note in row.notes) == ["new", "old"]


def test_code_is_highlighted_by_the_files_name() -> None:
    rows = diffs.files(made(), [], split=False)[0].sections[0].rows

    assert '<span class="kn">import</span>' in rows[0].cell.html
    assert plain(rows[0].cell.html) == "import re"


@pytest.mark.parametrize("path", ["notes.unknown", "Main.java", "noextension"])
def test_a_language_that_is_not_on_the_list_stays_plain(path: str) -> None:
    rows = diffs.files(made(path), [], split=False)[0].sections[0].rows

    assert rows[0].cell.html == "import re"


@pytest.mark.parametrize(
    "text", ["x" * (MAX_COLOURED_LINE_CHARS + 1), "\n".join(["x = 1"] * MAX_COLOURED_CHARS)]
)
def test_what_a_lexer_may_choke_on_stays_plain(text: str) -> None:
    rows = [line("added", None, 1, row) for row in text.split("\n")]

    assert not any("<span" in row for row in diffs.highlighted(rows, PYTHON))


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8")), max_size=8))
def test_highlighting_changes_no_character_and_lets_no_tag_through(texts: list[str]) -> None:
    rows = [line("added", None, number, text) for number, text in enumerate(texts, 1)]

    found = diffs.highlighted(rows, PYTHON)

    assert [plain(row) for row in found] == texts
    assert not any(re.search(r"<(?!span class|/span>)", row) for row in found)
