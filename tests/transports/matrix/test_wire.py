"""Ops as the parts that a homeserver is given."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.base import OutOp, Speaker
from transports.matrix.wire import MAX_CONTENT_BYTES, OP, parts_of

from .helping import op, quoted


def bodies(one: OutOp, *, is_prefixed: bool = False) -> list[dict[str, Any]]:
    return [dict(part.body) for part in parts_of(one, is_prefixed=is_prefixed)]


def contents(one: OutOp, *, is_prefixed: bool = False) -> list[dict[str, Any]]:
    return [body["content"] for body in bodies(one, is_prefixed=is_prefixed)]


def test_a_post_has_its_markdown_its_html_and_the_op() -> None:
    one = op("**hi** <b>")

    assert bodies(one) == [
        {
            "type": "m.room.message",
            "content": {
                "msgtype": "m.text",
                "body": "**hi** <b>",
                "format": "org.matrix.custom.html",
                "formatted_body": "<strong>hi</strong> &lt;b&gt;",
                "chat.parley.op": str(one.id),
                "chat.parley.part": 0,
            },
        }
    ]


@pytest.mark.parametrize(
    ("name", "text", "body"),
    [
        ("Ada", "hello", "**Ada:** hello"),
        ("Ada", "- a\n- b", "**Ada:**\n\n- a\n- b"),
        ("Ada", "```\nx\n```", "**Ada:**\n\n```\nx\n```"),
        ("a*b_c\n# d", "hi", r"**a\*b\_c # d:** hi"),
    ],
)
def test_one_bot_puts_the_name_before_the_text(name: str, text: str, body: str) -> None:
    one = op(text, speaker=Speaker(name=name, is_bot=False))

    assert contents(one, is_prefixed=True)[0]["body"] == body


def test_what_is_late_says_when_it_was_said() -> None:
    said_at = datetime(2026, 11, 29, 17, 5, tzinfo=UTC)

    (content,) = contents(op("hello", said_at=said_at, late_s=300.0), is_prefixed=True)

    assert content["body"] == "**Ada:** *said at 2026-11-29 17:05 UTC:* hello"


def test_an_answer_names_what_it_answers_and_quotes_what_is_not_there() -> None:
    (there,) = contents(op("yes", reply_to=quoted("$1", "$2")))
    (gone,) = contents(op("yes", reply_to=quoted(text="one\ntwo")))

    assert there["m.relates_to"] == {"m.in_reply_to": {"event_id": "$1"}}
    assert there["body"] == "yes"
    assert "m.relates_to" not in gone
    assert gone["body"] == "> **bob:** one\n> two\n\nyes"


def test_an_edit_replaces_each_part_and_makes_no_new_ones() -> None:
    more = contents(op("a " * 10_000, kind="edit", target=quoted("$1")))
    fewer = contents(op("short", kind="edit", target=quoted("$1", "$2")))

    (one,) = more
    assert one["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$1"}
    assert one["body"].startswith("* a a")
    assert one["m.new_content"]["body"].startswith("a a")
    assert one["m.new_content"]["body"].endswith("\n\n… (the rest: http://127.0.0.1/m/1)")
    assert [each["m.relates_to"]["event_id"] for each in fewer] == ["$1", "$2"]
    assert [each["m.new_content"]["body"] for each in fewer] == ["short", "…"]


def test_what_is_changed_and_not_there_is_quoted() -> None:
    (edit,) = contents(op("new", kind="edit", target=quoted()))
    (react,) = contents(op("", kind="react", target=quoted(), emoji="👍"))

    assert edit["body"] == "> **bob:** what was said\n\n*corrected:* new"
    assert react["body"] == "> **bob:** what was said\n\n👍"
    assert bodies(op("", kind="delete", target=quoted())) == []
    assert bodies(op("", kind="unreact", target=quoted(), emoji="👍")) == []


def test_deletions_redact_every_part_and_reactions_annotate_the_first() -> None:
    delete = bodies(op("", kind="delete", target=quoted("$1", "$2")))
    (react,) = bodies(op("", kind="react", target=quoted("$1", "$2"), emoji="👍"))
    (unreact,) = bodies(op("", kind="unreact", target=quoted("$1", "$2"), emoji="👍"))

    assert [(one["type"], one["event_id"]) for one in delete] == [
        ("redact", "$1"),
        ("redact", "$2"),
    ]
    annotation = {"rel_type": "m.annotation", "event_id": "$1", "key": "👍"}
    assert (react["type"], react["content"]["m.relates_to"]) == ("m.reaction", annotation)
    assert (unreact["type"], unreact["event_id"], unreact["key"]) == ("take back", "$1", "👍")


@pytest.mark.parametrize(
    "text",
    [
        "x" * 65_536,
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 é 漢" * 1_500,
        '"' * 65_000,
        "\\" * 65_000,
        "&" * 65_000,
        "*&* " * 16_000,
        "line\n" * 13_000,
    ],
    ids=["70 kB", "families", "quotes", "backslashes", "ampersands", "rich", "lines"],
)
@pytest.mark.parametrize("kind", ["post", "edit"])
def test_a_long_text_is_cut_to_parts_that_fit_and_is_complete(text: str, kind: Any) -> None:
    parts = contents(op(text, kind=kind, target=quoted(*(f"${n}" for n in range(9)))))

    assert (
        max(len(json.dumps(one, ensure_ascii=False).encode()) for one in parts) < MAX_CONTENT_BYTES
    )
    said = [one.get("m.new_content", one).get("body", "") for one in parts]
    assert "".join(said).rstrip("…") == text


def test_code_goes_on_in_the_next_part() -> None:
    code = "x = 1\n" * 3_000
    first, second = contents(op(f"```py\n{code}```"))

    assert first["body"].endswith("\n```")
    assert second["body"].startswith("```py\n")
    assert second["body"].endswith("\n```")
    assert (first["body"] + second["body"]).count("x = 1") == 3_000
    assert second["formatted_body"].startswith('<pre><code class="language-py">')


@given(st.text(max_size=200))
def test_rendering_again_gives_the_same_and_no_text_makes_bad_json(text: str) -> None:
    one = op(text)
    parts = parts_of(one, is_prefixed=True)

    again = parts_of(replace(one), is_prefixed=True)

    assert [part.digest for part in parts] == [part.digest for part in again]
    for part in parts:
        json.dumps(part.body, ensure_ascii=False).encode()
        assert part.body["content"][OP] == str(one.id)  # type: ignore[index]


def test_controls_never_reach_the_wire() -> None:
    (content,) = contents(op("a\x00b\rc\x85d\u2028e\u202ef\ud800"))

    assert content["body"] == "a\ufffdb\nc\ufffdd\nef\ufffd"
