"""Markdown to HTML: what comes out, and what RichText keeps."""

import pytest
from pydantic import TypeAdapter, ValidationError

from hub.errors import Invalid
from hub.markdown import RichText, render
from hub.markdown.colour import MAX_COLOURED_CHARS


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**a** *b* ~~c~~ `d`", "<strong>a</strong> <em>b</em> <s>c</s> <code>d</code>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("3. c", '<ol start="3">\n<li>c</li>\n</ol>'),
        ("# Title", "<h3>Title</h3>"),
        ("##### Small", "<h6>Small</h6>"),
        ("a & b < c", "a &amp; b &lt; c"),
        ("", ""),
    ],
)
def test_markdown_becomes_html(text, html):
    assert html in render(text)


def test_tables_can_be_scrolled_by_keyboard_and_carry_no_style():
    html = render("| a | b |\n|--:|:-:|\n| 1 | 2 |")

    assert '<table tabindex="0">' in html
    assert "<td>1</td>" in html
    assert "style" not in html


def test_a_mention_is_marked_with_its_name():
    assert render("hi @Ramona!") == (
        '<p>hi <span class="mention" data-name="Ramona">@Ramona</span>!</p>\n'
    )


def test_a_task_number_is_marked():
    assert '<span class="task-ref" data-number="12">#12</span>.' in render("see #12.")


@pytest.mark.parametrize(
    "text",
    [
        "mail ada@example.org",
        "`@Ramona #12`",
        "    @Ramona #12",
        "```\n@Ramona #12\n```",
        "[@Ramona #12](https://a.example)",
        "repo#12 #0 #12a /#12 @@Ramona x.@Ramona",
        "@" + "a" * 40,
    ],
)
def test_code_links_and_look_alikes_are_not_marked(text):
    html = render(text)

    assert "mention" not in html
    assert "task-ref" not in html


def test_mentions_come_once_each_in_order_without_those_in_code():
    text = RichText.of("@Jules and @ada-2, `@Nobody`, **@Jules** and @bob_.")

    assert text.mentions == ("Jules", "ada-2", "bob_")


def test_links_tell_nothing_and_follow_nothing():
    assert render("[x](https://a.example/p)") == (
        '<p><a href="https://a.example/p" rel="nofollow noopener noreferrer">x</a></p>\n'
    )


def test_a_bare_link_ends_before_its_punctuation():
    html = render("see https://a.example/w_(x)), or http://b.example/?q=1&r=2.")

    assert 'href="https://a.example/w_(x)"' in html
    assert 'href="http://b.example/?q=1&amp;r=2"' in html
    assert html.endswith("</a>.</p>\n")


def test_an_image_becomes_a_link_and_in_a_link_its_description():
    assert "<img" not in render("![cat](https://a.example/c.png)")
    assert '<a href="https://a.example/c.png"' in render("![cat](https://a.example/c.png)")
    assert render("[![cat](https://a.example/c.png)](https://b.example)").count("<a ") == 1


def test_fenced_code_is_coloured_by_classes():
    html = render("```python\ndef f():\n    return 1\n```")

    assert html.startswith('<div class="code" data-language="python"><pre tabindex="0"><code>')
    assert '<span class="k">def</span>' in html
    assert "style=" not in html


@pytest.mark.parametrize("fence", ["```\nx = 1\n```", "```brainfuck\nx = 1\n```", "    x = 1"])
def test_code_in_no_known_language_is_shown_plain(fence):
    assert "<code>x = 1\n</code>" in render(fence)


def test_an_odd_language_name_is_not_repeated():
    assert 'data-language="text"' in render('```"<b>\nx\n```')


@pytest.mark.parametrize(
    "code",
    ["x = 1\n" * (MAX_COLOURED_CHARS // 6 + 1), "x" * 501, "x\n" + "\n \t" * 21 + "x"],
    ids=["too much", "a long line", "many blank lines"],
)
def test_code_that_lexers_are_slow_on_is_shown_plain(code):
    html = render(f"```python\n{code}\n```")

    assert 'data-language="python"' in html
    assert "<span" not in html


def test_colouring_stops_when_the_share_of_a_message_is_spent():
    block = "```python\n" + "x = 1\n" * 900 + "```\n"

    html = render(block + "\n" + block)

    assert html.count("<span") == html[: html.rindex("<div")].count("<span") > 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\x00b", "text.control"),
        ("a\ud800b", "text.surrogate"),
        ("", "message.empty"),
        (" \n\t", "message.empty"),
    ],
)
def test_rich_text_refuses_what_cannot_be_stored(text, code):
    with pytest.raises(Invalid) as caught:
        RichText.of(text)

    assert caught.value.code == code


def test_rich_text_keeps_the_cleaned_text_beside_its_html():
    assert RichText.of("**a**\r\nb") == RichText(
        text="**a**\nb", html="<p><strong>a</strong><br>\nb</p>\n", mentions=()
    )


def test_rich_text_is_a_string_to_the_outside():
    adapter = TypeAdapter(RichText)

    assert adapter.validate_python("*a*") == adapter.validate_json('"*a*"') == RichText.of("*a*")
    assert adapter.validate_python(RichText.of("*a*")) == RichText.of("*a*")
    assert adapter.json_schema()["type"] == "string"
    with pytest.raises(ValidationError):
        adapter.validate_python(12)
    with pytest.raises(Invalid):
        adapter.validate_json('"a\\u0000"')
