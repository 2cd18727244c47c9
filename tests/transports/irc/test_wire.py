"""Lines of IRC: whatever comes is read without fail, and only single lines are written."""

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.irc.wire import (
    MAX_BODY_BYTES,
    MAX_LINE_BYTES,
    BadLineError,
    Buffer,
    Line,
    TooLongError,
    body_bytes,
    parse,
)

FUZZ = int(os.environ.get("PARLEY_FUZZ", "5000"))
ANY = st.characters(exclude_characters="\x00\r\n", exclude_categories=["Cs"])
LAST = st.text(ANY)
MIDDLE = LAST.filter(lambda text: text and " " not in text and not text.startswith(":"))
TAGS = st.dictionaries(
    st.from_regex(r"\+?[a-z][a-z0-9./-]{0,20}", fullmatch=True),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs", "Cc"])),
    max_size=4,
)


@given(st.lists(MIDDLE, max_size=5), LAST, TAGS)
def test_what_is_written_is_read_again(middle: list[str], last: str, tags: dict[str, str]) -> None:
    line = Line("PRIVMSG", (*middle, last), "ada!ada@parley", tags)

    try:
        raw = line.encode()
    except TooLongError:
        return
    found = parse(raw.removesuffix(b"\r\n"))

    assert found is not None
    assert (found.command, found.params, found.source) == ("PRIVMSG", line.params, line.source)
    assert raw.count(b"\n") == 1


@pytest.mark.parametrize("text", ["a\r\nQUIT", "a\nQUIT", "a\rQUIT", "a\x00b"])
def test_nothing_becomes_a_second_line(text: str) -> None:
    for line in (
        Line("PRIVMSG", ("#project", text)),
        Line("PRIVMSG", (text, "hello")),
        Line("PRIVMSG", ("#project", "hello"), text),
    ):
        with pytest.raises(BadLineError):
            line.encode()


def test_a_line_break_in_a_tag_is_escaped() -> None:
    raw = Line("PRIVMSG", ("#project", "x"), tags={"+a": "1\r\n2; 3\\"}).encode()

    assert raw == b"@+a=1\\r\\n2\\:\\s3\\\\ PRIVMSG #project x\r\n"
    assert parse(raw.strip()).tags == {"+a": "1\r\n2; 3\\"}


@pytest.mark.parametrize("params", [("a b", "x"), ("", "x"), (":a", "x")])
def test_only_the_last_parameter_is_free(params: tuple[str, str]) -> None:
    with pytest.raises(BadLineError):
        Line("PRIVMSG", params).encode()


def test_over_512_bytes_are_refused_with_both_numbers() -> None:
    fits = "x" * (MAX_BODY_BYTES - len("PRIVMSG #p \r\n"))
    assert len(Line("PRIVMSG", ("#p", fits)).encode()) == MAX_BODY_BYTES

    with pytest.raises(TooLongError) as refusal:
        Line("PRIVMSG", ("#p", fits + "x")).encode()

    assert (refusal.value.size, refusal.value.limit) == (513, 512)


@pytest.mark.parametrize("raw", [b"", b" ", b":", b":x", b"@a=b", b"@ ", b"\xff\xfe", b":a b!\xe9"])
def test_what_holds_no_command_is_none(raw: bytes) -> None:
    assert parse(raw) is None


def test_invalid_utf8_is_replaced_and_hidden_breaks_go() -> None:
    found = parse(b":a PRIVMSG #p :caf\xe9\x00\rQUIT")

    assert found is not None
    assert found.params == ("#p", "caf\N{REPLACEMENT CHARACTER}QUIT")


def test_any_bytes_in_any_pieces_are_read_without_fail() -> None:
    chance = random.Random(4)
    alphabet = b" :@;=\\\r\n\x00\x01\xff\xe2\x98PRIVMSG#a1"
    buffer, lines = Buffer(), 0
    for _ in range(FUZZ):
        size = chance.choice([0, 1, 3, 20, 80, 600])
        raw = bytes(chance.choice(alphabet) for _ in range(size)) + b"\r\n"
        for piece in (raw[: size // 2], raw[size // 2 :]):
            for found in buffer.feed(piece):
                lines += 1
                if found is not None:
                    parse(found)
                    assert body_bytes(found) >= 2
    assert lines >= FUZZ


def test_a_line_without_end_is_bounded_and_the_next_is_read() -> None:
    buffer = Buffer()

    first = [*buffer.feed(b"x" * (MAX_LINE_BYTES + 1)), *buffer.feed(b"y" * 1_000_000)]
    rest = [*buffer.feed(b"z\r\nPING a\r\n")]

    assert (first, rest) == ([None], [b"PING a"])
