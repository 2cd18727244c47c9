"""Ops as parts: the same on every server, each line short enough for every wire."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.base import Part, Quoted
from transports.irc.client.render import render, short
from transports.irc.wire import Line

from .conftest import op

QUOTED = Quoted(remote_ids=("m1",), author="Ada", text="Shall we land?\nSoon?")
HOST = "parley-long_nick_of_thirty_cha!~parley@" + "h" * 63


def lines(parts: list[Part]) -> list[object]:
    return [part.body["line"] for part in parts]


def test_a_short_text_is_one_part_for_each_line():
    parts = render(op("Hello **you**\nand you"))

    assert lines(parts) == ["Hello \x02you\x02", "and you"]
    assert parts[0].body["whole"] == [["Hello \x02you\x02", False], ["and you", False]]
    assert [part.number for part in parts] == [0, 1]


def test_a_long_text_is_its_head_and_a_link_and_the_whole_for_who_can():
    parts = render(op("\n".join(f"line {number}" for number in range(9))))

    assert lines(parts) == [
        "line 0",
        "line 1",
        "line 2",
        "… (6 more lines: https://parley.test/m/1)",
    ]
    assert len(parts[0].body["whole"]) == 9  # type: ignore[arg-type]


def test_one_endless_line_is_cut_and_linked_too():
    parts = render(op("word " * 2_000))

    assert str(lines(parts)[-1]).startswith("… (")
    assert "".join(piece for piece, _ in parts[0].body["whole"]) == "word " * 1_999 + "word"  # type: ignore[attr-defined]


def test_a_text_of_any_script_is_whole_again_when_its_pieces_are_joined():
    text = "👩‍👩‍👧‍👦é日本🇩🇪👍🏽" * 400

    parts = render(op(text))

    pieces = [piece for piece, _ in parts[0].body["whole"]]  # type: ignore[attr-defined]
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces)
    assert all(is_rest == bool(n) for n, (_, is_rest) in enumerate(parts[0].body["whole"]))  # type: ignore[arg-type]


def test_code_goes_behind_the_link():
    parts = render(op("Look:\n```\n1\n2\n3\n4\n5\n```"))

    assert str(lines(parts)[-1]).endswith("https://parley.test/m/1)")


def test_an_edit_is_said_as_a_correction():
    assert lines(render(op("new", kind="edit", target=QUOTED))) == ["* corrected: new"]


def test_a_deletion_is_a_notice():
    (part,) = render(op("", kind="delete", target=QUOTED))

    assert (part.body["do"], part.body["line"]) == ("notice", "took back: “Shall we land?…”")


def test_a_reply_names_its_message_or_its_author():
    (part,) = render(op("Yes.", reply_to=QUOTED))

    assert (part.body["reply"], part.body["aside"]) == ("m1", "re Ada: ")


@pytest.mark.parametrize("ids", [(), ("made:0a",)])
def test_a_reaction_to_what_has_no_id_there_has_no_parts(ids: tuple[str, ...]):
    target = Quoted(remote_ids=ids, author="Ada", text="x")

    assert render(op("", kind="react", emoji="👍", target=target)) == []


def test_a_reaction_names_its_message():
    (part,) = render(op("", kind="unreact", emoji="👍", target=QUOTED))

    assert (part.body["do"], part.body["target"], part.body["emoji"]) == ("unreact", "m1", "👍")


def test_what_is_late_shows_when_it_was_said():
    said = op("Hi\nthere", late_s=180.0, said_at=datetime(2026, 3, 4, 5, 6, tzinfo=UTC))

    assert lines(render(said)) == ["[05:06] Hi", "there"]


def test_the_same_op_gives_the_same_digests():
    made = op("a\nb", id=UUID(int=7), said_at=datetime(2026, 3, 4, tzinfo=UTC))

    assert [part.digest for part in render(made)] == [
        "8159c1c777cc822c1050edd00fe318344993ec7c43424986dcef04c93c05771f",
        "e51fa98651164f3c61a68e1d795902b5d0ccba21386591d1757e542dd8e29975",
    ]


@given(st.text(max_size=3_000), st.text(max_size=60), st.booleans())
def test_every_line_fits_with_the_longest_mask_and_name(text: str, name: str, is_late: bool):
    made = op(text, name=name, late_s=float(is_late), reply_to=QUOTED)

    for part in render(made):
        before = f"<{short(name)}> {part.body.get('aside', '')}"
        line = Line("PRIVMSG", ("#project", before + str(part.body["line"])), HOST)
        assert len(line.encode()) <= 512
