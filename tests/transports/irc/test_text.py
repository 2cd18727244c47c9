"""Text on IRC: Markdown to codes and back, and long lines cut where readers expect it."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from transports.irc.text import cut, from_irc, shown, to_lines

MARKDOWN = [
    ("Hello **bold** and *slanted*", ["Hello \x02bold\x02 and \x1dslanted\x1d"]),
    ("~~no~~ `x = 1`", ["\x1eno\x1e `x = 1`"]),
    ("# Title\n\ntext", ["\x02Title\x02", "text"]),
    ("- one\n- two\n  - three", ["• one", "• two", "  • three"]),
    ("3. c\n4. d", ["3. c", "4. d"]),
    ("> said\n> so", ["> said", "> so"]),
    ("[here](https://parley.example/a)", ["here <https://parley.example/a>"]),
    ("<https://parley.example/a>", ["https://parley.example/a"]),
    ("```\nx\n\ny\n```", ["x", "", "y"]),
    ("| a | b |\n| - | - |\n| 1 | 2 |", ["a | b", "1 | 2"]),
    ("a **b\nc** d", ["a \x02b\x02", "\x02c\x02 d"]),
]


@pytest.mark.parametrize(("markdown", "lines"), MARKDOWN, ids=[m[0][:20] for m in MARKDOWN])
def test_markdown_becomes_codes(markdown: str, lines: list[str]) -> None:
    assert to_lines(markdown) == lines


@pytest.mark.parametrize("code", ["\x02", "\x0304,05", "\x0f", "\x1b", "\x01", "\x00", "\x16"])
def test_codes_in_a_text_are_not_obeyed(code: str) -> None:
    assert to_lines(f"a{code}b") == ["ab"]


@pytest.mark.parametrize(
    ("typed", "markdown"),
    [
        ("\x02bold\x02 plain", "**bold** plain"),
        ("\x1dslanted", "*slanted*"),
        ("\x02\x1dboth\x0f plain", "***both*** plain"),
        ("\x0304red\x03 \x04ff0000red", "red red"),
        ("**typed** `as` Markdown", "**typed** `as` Markdown"),
        ("a\x01b\x00c\x1bd", "abcd"),
    ],
)
def test_codes_become_markdown(typed: str, markdown: str) -> None:
    assert from_irc(typed) == markdown


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=2_000))
def test_pieces_of_a_line_are_the_line_again(text: str) -> None:
    pieces = cut(text, 80)

    assert "".join(pieces) == text
    assert max(len(piece.encode()) for piece in pieces) <= 80


LONG = {
    "zwj": "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}",
    "accent": "e\N{COMBINING ACUTE ACCENT}",
    "cjk": "\N{CJK UNIFIED IDEOGRAPH-6708}",
}


@pytest.mark.parametrize("unit", LONG.values(), ids=LONG)
def test_ten_thousand_characters_without_a_space_are_cut_between_characters(unit: str) -> None:
    text = unit * (10_000 // len(unit))

    pieces = cut(text, 400)

    assert "".join(pieces) == text
    assert max(len(piece.encode()) for piece in pieces) <= 400
    clusters = [set(regex.findall(r"\X", piece)) for piece in pieces]
    assert set.union(*clusters) == {unit}


def test_a_cut_falls_after_a_space_and_opens_codes_again() -> None:
    pieces = cut("\x02" + "word " * 30 + "end\x02", 60)

    assert all(piece.startswith("\x02") and piece.endswith("\x02") for piece in pieces)
    assert all(piece.strip("\x02").endswith((" ", "end")) for piece in pieces)


def test_a_long_text_is_a_head_and_a_link() -> None:
    text = "\n\n".join(f"Line {number}" for number in range(20))

    lines = shown(text, "https://parley.example/m/7/", max_lines=6, head_lines=3)

    assert lines == [
        *("Line 0", "Line 1", "Line 2"),
        "… (17 more lines: https://parley.example/m/7/)",
    ]


def test_a_long_code_block_is_behind_the_link() -> None:
    text = "Look:\n```\n1\n2\n3\n4\n5\n```"

    lines = shown(text, "https://parley.example/m/7/", max_lines=6, head_lines=3)

    assert lines[-1].endswith("(3 more lines: https://parley.example/m/7/)")
