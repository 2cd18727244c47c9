"""Zulip's Markdown both ways, by table; and what is made of an op."""

import time
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.base import OutOp, Quoted, Speaker
from transports.zulip.emoji import emoji_of, name_of
from transports.zulip.parts import parts_of
from transports.zulip.wire import MAX_CHARS, answered, cut, from_zulip, safe, to_zulip

SITE = "https://zulip.test"
Z = "\u200b"


@pytest.mark.parametrize(
    ("markdown", "content"),
    [
        ("plain", "plain"),
        ("**bold** and `code`", "**bold** and `code`"),
        ("@**all** look", f"@{Z}**all** look"),
        ("@**Everyone**", f"@{Z}**Everyone**"),
        ("@**channel** @**stream** @**topic**", f"@{Z}**channel** @{Z}**stream** @{Z}**topic**"),
        ("(@all) @everyone!", f"(@{Z}all) @{Z}everyone!"),
        ("`@all` too", f"`@{Z}all` too"),
        ("@*role:members*", f"@{Z}*role:members*"),
        ("@allison writes to bob@all.test", "@allison writes to bob@all.test"),
        ("@**Ada Lovelace** stays", "@**Ada Lovelace** stays"),
        ("/poll Lunch?", f"{Z}/poll Lunch?"),
        ("/me waves", f"{Z}/me waves"),
        ("/todo", f"{Z}/todo"),
        ("\n\n/poll", f"{Z}/poll"),
        ("/etc/hosts and /poll", "/etc/hosts and /poll"),
        ("/polls", "/polls"),
        ("end  \n\n", "end"),
        ("a\rb\r\nc\u2028d\u0085e", "a\nb\nc\nd\ne"),
        ("nul\x00 esc\x1b half\ud800 bidi\u202e", "nul\ufffd esc\ufffd half\ufffd bidi"),
        ("👩‍👩‍👧 e\u0301 漢", "👩‍👩‍👧 é 漢"),
    ],
)
def test_markdown_is_shown_on_zulip(markdown, content):
    assert to_zulip(markdown) == [content]


@pytest.mark.parametrize("nothing", ["", "  \n\t\n"])
def test_nothing_is_shown_of_nothing(nothing):
    assert to_zulip(nothing, prefix="**Theo:** ") == []


@pytest.mark.parametrize(
    ("markdown", "content"),
    [
        ("hello", "**Theo:** hello"),
        ("/poll x", "**Theo:** /poll x"),
        ("> quoted", "**Theo:**\n> quoted"),
        ("```py\nx\n```", "**Theo:**\n```py\nx\n```"),
        ("- one\n- two", "**Theo:**\n- one\n- two"),
        ("1. one", "**Theo:**\n1. one"),
        ("*stress*", "**Theo:** *stress*"),
    ],
)
def test_a_name_stands_before_text(markdown, content):
    assert to_zulip(markdown, prefix="**Theo:** ") == [content]


@pytest.mark.parametrize(
    ("content", "markdown"),
    [
        ("plain", "plain"),
        ("@**Grace Hopper**, look", "@Grace-Hopper, look"),
        ("@**Grace Hopper|12**", "@Grace-Hopper"),
        ("@**|12**", "@12"),
        ("@**Ramona Bot**", "@Ramona"),
        ("@**Anything|31**", "@Ramona"),
        ("@_**Grace Hopper|12** said", "Grace Hopper said"),
        ("@_**Ramona Bot|31** said", "Ramona said"),
        ("@**all** and @*core team*", "@all and @core-team"),
        ("`@**Grace**` is how", "`@**Grace**` is how"),
        ("``@**a** ` @**b**`` @**c**", "``@**a** ` @**b**`` @c"),
        ("#**apollo>landing**", "#apollo > landing"),
        ("at <time:2026-11-29T12:00:00Z>", "at 2026-11-29T12:00:00Z"),
        ("[a.png](/user_uploads/2/ab/a.png)", f"[a.png]({SITE}/user_uploads/2/ab/a.png)"),
        ("see /user_uploads/2/x", f"see {SITE}/user_uploads/2/x"),
        (f"{SITE}/user_uploads/2/x", f"{SITE}/user_uploads/2/x"),
        ("```quote\nold\n\nwords\n```\nnew", "> old\n>\n> words\n\nnew"),
        ("```quote\nold\n```\n\nnew", "> old\n\nnew"),
        ("````quote\n```quote\ninner\n```\nouter\n````", "> > inner\n>\n> outer"),
        ("~~~quote\nold\n~~~", "> old"),
        ("```quote\n@**Grace**\n```", "> @Grace"),
        ("```spoiler The end\nhe dies\n```", "> **The end**\n> he dies"),
        (
            "```python\n@**deco**\n/user_uploads/x\n```",
            "```python\n@**deco**\n/user_uploads/x\n```",
        ),
        ("```\nnever closed", "```\nnever closed\n```"),
        ("a\x01b\x7f\u2029c\u202e", "a\ufffdb\ufffd\nc"),
        ("\ud83d half", "\ufffd half"),
    ],
)
def test_zulips_text_is_read_as_markdown(content, markdown):
    names = {"Ramona Bot": "Ramona", "31": "Ramona"}

    assert from_zulip(content, site=SITE, names=names) == markdown


def test_towers_of_marks_fall():
    assert safe("a" + "\u0301" * 5_000 + "b") == "ab"


@pytest.mark.parametrize(
    ("content", "remote_id"),
    [
        ("@_**Ada|8** [said](https://z/#narrow/channel/1-x/topic/y/near/123):\n```quote", "123"),
        ("@_**Ada|8** [schrieb](https://z/#narrow/stream/1-x/topic/y/near/9):\nhm", "9"),
        ("so @_**Ada|8** [said](https://z/near/123):", ""),
        ("plain", ""),
    ],
)
def test_a_quoted_message_is_known(content, remote_id):
    assert answered(content) == remote_id


@given(st.text(max_size=400))
def test_any_text_goes_out_whole_and_harmless(text):
    contents = to_zulip(text)

    joined = "".join(contents)
    assert "\x00" not in joined
    joined.encode()
    assert all(one.strip() and one == one.rstrip() for one in contents)
    assert joined.replace(Z, "") == safe(text).rstrip().lstrip("\n").replace(Z, "") or not contents


@given(st.text(alphabet="a `~\n>@*|quote/", max_size=300))
def test_any_text_can_be_read(content):
    markdown = from_zulip(content, site=SITE, names={})

    assert markdown == safe(markdown)


def test_many_backticks_take_no_time():
    content = "x " + "`" * 9_000 + " ".join("`" * n for n in range(40)) + " @**x**"
    started = time.monotonic()

    markdown = from_zulip(content, site=SITE, names={})

    assert markdown.endswith("@x")
    assert time.monotonic() - started < 1


def test_a_cut_falls_after_a_paragraph():
    text = "\n\n".join(f"{number} " + "word " * 300 for number in range(20))

    pieces = cut(text, MAX_CHARS)

    assert len(pieces) > 2
    assert all(len(piece) <= MAX_CHARS for piece in pieces)
    assert all(piece[0].isdigit() for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_block_of_code_that_is_cut_closes_and_opens_again():
    lines = [f"line {number} {'x' * 50}" for number in range(400)]
    text = "```python\n" + "\n".join(lines) + "\n```"

    pieces = cut(text, MAX_CHARS)

    assert len(pieces) == 3
    assert all(len(piece) <= MAX_CHARS for piece in pieces)
    assert all(piece.startswith("```python\n") and piece.endswith("\n```") for piece in pieces)
    assert [line for piece in pieces for line in piece.split("\n")[1:-1]] == lines


def test_no_character_is_cut_in_two():
    family = "👩‍👩‍👧‍👦"

    pieces = cut(family * 2_000, MAX_CHARS)

    assert len(pieces) == 2
    assert all(len(piece) % len(family) == 0 for piece in pieces)


def test_each_part_of_a_long_text_is_defused_and_named():
    text = "/poll\n" + "x" * 9_700 + "\n/poll again " + "y" * 500

    contents = to_zulip(text)
    named = to_zulip(text, prefix="**Theo:** ")

    assert [one.startswith("/") for one in contents] == [False, False]
    assert all(one.startswith("**Theo:**") for one in named)
    assert all(len(one) <= MAX_CHARS for one in [*contents, *named])


def make_op(kind="post", text="New", **options):
    return OutOp(
        id=uuid.UUID(int=1),
        kind=kind,
        room="a/b",
        speaker=Speaker(name=options.pop("by", "Ramona"), is_bot=True),
        text=text,
        url="http://127.0.0.1/m/1",
        said_at=datetime(2026, 11, 29, 12, 0, 5, 7, tzinfo=UTC),
        **options,
    )


def bodies(op):
    return [dict(part.body) for part in parts_of(op, bots={"Ramona"}, site=SITE)]


OLD = Quoted(remote_ids=("7", "8"), author="Ada [x]*", text="old @**all**\nwords " + "w" * 200)
GONE = Quoted(remote_ids=(), author="Ada", text="old")


@pytest.mark.parametrize(
    ("op", "made"),
    [
        (make_op(), [{"do": "post", "content": "New"}]),
        (make_op(by="Theo"), [{"do": "post", "content": "**Theo:** New"}]),
        (make_op(text=" "), []),
        (make_op(text="", reply_to=GONE), []),
        (
            make_op(reply_to=GONE),
            [{"do": "post", "content": "> **Ada:** old\n\nNew"}],
        ),
        (
            make_op(late_s=300),
            [{"do": "post", "content": "*(said <time:2026-11-29T12:00:05Z>)* New"}],
        ),
        (
            make_op("edit", target=OLD),
            [{"do": "edit", "id": "7", "content": "New"}, {"do": "delete", "id": "8"}],
        ),
        (
            make_op("edit", target=GONE),
            [{"do": "post", "content": "> **Ada:** old\n\n*corrected:* New"}],
        ),
        (make_op("delete", target=OLD), [{"do": "delete", "id": "7"}, {"do": "delete", "id": "8"}]),
        (make_op("delete", target=GONE), []),
        (make_op("react", emoji="❤️", target=OLD), [{"do": "react", "id": "7", "emoji": "heart"}]),
        (make_op("unreact", emoji="👍", target=OLD), [{"do": "unreact", "id": "7", "emoji": "+1"}]),
        (make_op("react", emoji="🫠", target=OLD), []),
        (make_op("react", emoji="👍", target=GONE), []),
    ],
)
def test_an_op_is_made_into_parts(op, made):
    assert bodies(op) == made
    assert bodies(op) == bodies(op)


def test_an_answer_quotes_and_links_what_it_answers():
    [body] = bodies(make_op(reply_to=OLD, by="Theo"))

    head, _, rest = body["content"].partition("\n\n")
    assert head.startswith(
        f"**Theo:**\n> **[Ada x]({SITE}/#narrow/near/7):** old @{Z}**all** words"
    )
    assert head.endswith("…")
    assert rest == "New"


def test_an_edit_that_grew_posts_the_rest():
    made = bodies(make_op("edit", "x" * 25_000, target=OLD))

    assert [one["do"] for one in made] == ["edit", "edit", "post"]
    assert "".join(one["content"] for one in made) == "x" * 25_000


@pytest.mark.parametrize("emoji", ["👍", "🎉", "👀", "✅"])
def test_reactions_have_names(emoji):
    code = f"{ord(emoji):x}"

    assert name_of(emoji)
    assert emoji_of(name_of(emoji), code, "unicode_emoji") == emoji


@pytest.mark.parametrize(
    ("name", "code", "kind", "emoji"),
    [
        ("flag_de", "1f1e9-1f1ea", "unicode_emoji", "🇩🇪"),
        ("octopus_dance", "42", "realm_emoji", ":octopus_dance:"),
        ("odd", "zz", "unicode_emoji", ":odd:"),
        ("odd", "ffffffffff", "unicode_emoji", ":odd:"),
    ],
)
def test_a_reaction_is_read(name, code, kind, emoji):
    assert emoji_of(name, code, kind) == emoji
