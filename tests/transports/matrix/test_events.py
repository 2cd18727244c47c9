"""Events of Matrix as what happened."""

from datetime import UTC, datetime
from typing import Any

import pytest

from transports.matrix.events import encrypts, read

from .helping import NAMES

BOB = "@bob:localhost"
HTML = "org.matrix.custom.html"


def event(content: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    facts = {
        "type": "m.room.message",
        "event_id": "$e",
        "room_id": "!r:localhost",
        "sender": BOB,
        "origin_server_ts": 1_764_000_000_123,
        "content": {"msgtype": "m.text", "body": "hi"} if content is None else content,
    }
    return facts | others


def text_of(content: dict[str, Any]) -> str:
    found = read(event({"msgtype": "m.text"} | content), NAMES)
    return found.text if found else ""


def test_a_message_says_who_where_when_and_what() -> None:
    found = read(event(), NAMES)

    assert found
    assert (found.kind, found.room, found.remote_id, found.text) == (
        "post",
        "!r:localhost",
        "$e",
        "hi",
    )
    assert (found.sender.id, found.sender.name, found.sender.is_bot) == (BOB, "bob", False)
    assert found.at == datetime(2025, 11, 24, 16, 0, 0, 123_000, tzinfo=UTC)
    assert found.raw["event_id"] == "$e"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"body": "plain **as typed**"}, "plain **as typed**"),
        ({"body": "x", "format": HTML, "formatted_body": "<b>x</b>"}, "**x**"),
        ({"body": "x", "format": "other", "formatted_body": "<b>x</b>"}, "x"),
        ({"body": "short", "format": HTML, "formatted_body": "<i>" * 10_000}, "short"),
        ({"body": "x", "format": HTML, "formatted_body": 7}, "x"),
        ({"body": "x", "format": HTML, "formatted_body": "[" * 50_000}, "x"),
        ({"body": "waves", "msgtype": "m.emote"}, "*waves*"),
        ({"body": "a.png", "msgtype": "m.image", "url": "mxc://x/y"}, "*sent a file:* a.png"),
        ({"body": "nul\x00 cr\r", "msgtype": "m.text"}, "nul\ufffd cr"),
        (
            {
                "body": "> <@ada:x> old\n> more\n\nnew",
                "m.relates_to": {"m.in_reply_to": {"event_id": "$1"}},
            },
            "new",
        ),
        ({"body": "> a quote\n\nof mine"}, "> a quote\n\nof mine"),
    ],
)
def test_the_text_is_markdown(content: dict[str, Any], text: str) -> None:
    assert text_of(content) == text


@pytest.mark.parametrize(
    ("relation", "answered"),
    [
        ({"m.in_reply_to": {"event_id": "$1"}}, "$1"),
        ({"rel_type": "m.thread", "event_id": "$root"}, "$root"),
        (
            {
                "rel_type": "m.thread",
                "event_id": "$root",
                "is_falling_back": True,
                "m.in_reply_to": {"event_id": "$last"},
            },
            "$root",
        ),
        (
            {"rel_type": "m.thread", "event_id": "$root", "m.in_reply_to": {"event_id": "$1"}},
            "$1",
        ),
        ("nonsense", ""),
        ({"m.in_reply_to": {"event_id": 7}}, ""),
    ],
)
def test_an_answer_names_what_it_answers(relation: Any, answered: str) -> None:
    found = read(event({"msgtype": "m.text", "body": "x", "m.relates_to": relation}), NAMES)

    assert found
    assert found.reply_to == answered


def test_edits_reactions_and_redactions_name_their_target() -> None:
    replace = {
        "msgtype": "m.text",
        "body": "* new",
        "m.new_content": {"msgtype": "m.text", "body": "new"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"},
    }
    annotation = {"rel_type": "m.annotation", "event_id": "$1", "key": "👍"}

    edit = read(event(replace), NAMES)
    react = read(event({"m.relates_to": annotation}, type="m.reaction"), NAMES)
    old = read(event({}, type="m.room.redaction", redacts="$1"), NAMES)
    new = read(event({"redacts": "$1"}, type="m.room.redaction"), NAMES)

    assert edit
    assert react
    assert old
    assert new
    assert (edit.kind, edit.target, edit.text) == ("edit", "$1", "new")
    assert (react.kind, react.target, react.emoji) == ("react", "$1", "👍")
    assert (old.kind, old.target) == (new.kind, new.target) == ("delete", "$1")


def test_our_own_are_known_by_sender_and_op_and_nobody_else_can_claim_one() -> None:
    content = {"msgtype": "m.text", "body": "x", "chat.parley.op": "op-1"}

    ours = read(event(content, sender="@parley_ada:localhost"), NAMES)
    claimed = read(event(content, sender=BOB), NAMES)
    elsewhere = read(event(content, sender="@parley_ada:elsewhere"), NAMES)

    assert ours
    assert claimed
    assert elsewhere
    assert (ours.op_id, claimed.op_id, elsewhere.op_id) == ("op-1", "", "")
    assert read(event(sender="@parley_ada:localhost"), NAMES) is None
    assert read(event(sender="@parley:localhost"), NAMES) is None


def test_a_notice_comes_from_a_bot() -> None:
    found = read(event({"msgtype": "m.notice", "body": "x"}), NAMES)

    assert found
    assert found.sender.is_bot


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        event(event_id=7),
        event(event_id=""),
        event(event_id="$" * 300),
        event(event_id="$\x00"),
        event(room_id=None),
        event(sender="\ud800"),
        event(content="x") | {"content": "x"},
        event({"body": 7, "msgtype": "m.text"}),
        event({}),
        event({"body": "   ", "msgtype": "m.text"}),
        event(type="m.room.member", state_key=BOB),
        event(type="m.room.message", state_key=""),
        event({"m.relates_to": {"rel_type": "m.annotation", "event_id": "$1"}}, type="m.reaction"),
        event({}, type="m.room.redaction"),
        event({"ciphertext": "x"}, type="m.room.encrypted"),
    ],
)
def test_what_is_no_such_event_gives_nothing(bad: object) -> None:
    assert read(bad, NAMES) is None


@pytest.mark.parametrize(
    ("ms", "year"), [(-5, 1970), (10**30, 9999), ("x", 1970), (True, 1970), (1.5, 1970)]
)
def test_a_time_that_cannot_be_is_bounded(ms: Any, year: int) -> None:
    found = read(event(origin_server_ts=ms), NAMES)

    assert found
    assert found.at.year == year


def test_what_is_kept_raw_can_be_stored() -> None:
    deep: dict[str, Any] = {"x": "y"}
    for _ in range(50):
        deep = {"d": deep}

    found = read(event(unsigned={"n\x00": ["\ud800", 1, None, float("inf")], "deep": deep}), NAMES)

    assert found
    kept = found.raw["unsigned"]
    assert isinstance(kept, dict)
    assert kept["n\ufffd"] == ["\ufffd", 1, None, "inf"]
    assert "…" in str(kept["deep"])


def test_an_encryption_state_is_seen() -> None:
    assert encrypts(event({"algorithm": "x"}, type="m.room.encryption", state_key=""))
    assert not encrypts(event({"algorithm": "x"}, type="m.room.encryption"))
    assert not encrypts(None)
