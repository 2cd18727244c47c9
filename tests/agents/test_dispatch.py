"""Shares of bytes, lines of a ledger, and what is told of an end: by table and by hypothesis."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy import dispatch, handoff

LINES = st.lists(st.text(max_size=900), max_size=40)


@pytest.mark.parametrize(
    ("sizes", "total", "granted"),
    [
        ([], 10, []),
        ([3], 10, [3]),
        ([30], 10, [10]),
        ([2, 30, 30], 20, [2, 9, 9]),
        ([30, 2, 3], 20, [15, 2, 3]),
        ([30, 30], 0, [0, 0]),
    ],
)
def test_who_wants_less_leaves_the_rest_to_others(sizes, total, granted):
    assert dispatch.shares(sizes, total) == granted


@given(st.lists(st.integers(0, 9_000), max_size=8), st.integers(0, 20_000))
def test_shares_never_exceed_what_there_is_or_what_is_wanted(sizes, total):
    granted = dispatch.shares(sizes, total)

    assert sum(granted) <= total
    assert all(given <= size for given, size in zip(granted, sizes, strict=True))
    assert sum(granted) == min(total, sum(sizes)) or total - sum(granted) < len(sizes)


@given(st.lists(st.text(max_size=4_000), max_size=4), st.integers(50, 6_000))
def test_texts_fit_into_their_bytes(texts, total):
    cut = dispatch.fit(texts, total)

    assert sum(len(text.encode()) for text in cut) <= total


def test_a_text_that_is_cut_says_so():
    assert dispatch.cut("moon " * 100, 60).endswith("…(cut)")


@given(
    st.dictionaries(
        st.sampled_from(["tasks", "sessions", "notes"]),
        st.lists(st.text(max_size=900), max_size=40),
    ),
    st.integers(200, 3_000),
)
def test_a_ledger_keeps_its_size_and_its_lines_theirs(sections, room):
    text = dispatch.ledger(sections, room)

    assert len(text.encode()) <= room
    assert all(len(line) <= 281 for line in text.splitlines())


def test_what_does_not_fit_is_counted_in_its_section():
    text = dispatch.ledger({"tasks": ["a" * 200] * 9, "notes": ["short"]}, 700)

    assert "tasks:" in text
    assert "more)" in text
    assert text.endswith("notes:\nshort")


@pytest.mark.parametrize(
    ("summary", "last_words", "activity", "told"),
    [
        ("Done.", "I think", "testing", "Done."),
        (" ", "I think", "testing", "It left no summary. Its last words: I think"),
        ("", "", "testing", "It left no summary. What it did last: testing"),
        ("", "", "", "It left no words."),
    ],
)
def test_authored_words_come_first_then_the_last_ones_then_the_activity(
    summary, last_words, activity, told
):
    assert handoff.report(summary, last_words, activity) == told


def test_a_report_keeps_its_sizes():
    notes = [(f"note {number}", "n" * 5_000) for number in range(20)]

    told = handoff.report("s" * 10_000, "", "", notes)

    assert told.count("s" * 5_990) == 1
    assert len(told) <= handoff.MAX_REPORT_CHARS
    assert all(len(part) <= 1_200 + 10 for part in told.split("\n\n")[1:])
    assert len(told.split("\n\n")) == 1 + 8


def test_last_words_are_the_last_two_thousand_characters():
    told = handoff.report("", "begin " + "w" * 5_000 + " end", "")

    assert told.endswith(" end")
    assert len(told) < 2_100


def test_a_change_shows_its_sizes_first_and_ends_at_eight_thousand():
    text = handoff.change([("a.py", 3, 1), ("b.py", 900, 0)], "+x\n" * 9_000)

    assert text.startswith("2 files changed\na.py | +3 -1\nb.py | +900 -0\n\n+x")
    assert len(text) <= 8_000
