"""Markdown to HTML: what comes out, what is refused first, and what no text can smuggle in."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hub.errors import Invalid
from hub.markdown import MAX_MESSAGE_BYTES, RichText, render
from hub.markdown.colour import MAX_COLOURED_CHARS


def refused(text):
    with pytest.raises(Invalid) as caught:
        render(text)
    return caught.value


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


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java&#x0A;script:alert(1)",
        "&#106;avascript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "/local",
        "ftp://a.example",
    ],
)
def test_only_web_and_mail_addresses_become_links(address):
    for text in (f"[x]({address})", f"[x](<{address}>)", f"<{address}>", f"![x]({address})"):
        assert "<a" not in render(text)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<math><mi xlink:href='javascript:x'>",
        "<style>*{}</style>",
        "<a href='javascript:x'>y</a>",
        "```py\n</code></pre><script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\ncode\n```',
        '[x](https://a.example/"onmouseover="alert(1))',
        '![" onload="alert(1)](https://a.example/)',
    ],
)
def test_raw_html_is_shown_and_never_obeyed(text):
    assert Outline.of(render(text)).problems == []


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


def test_a_message_over_the_limit_is_refused_by_its_bytes():
    assert render("é" * (MAX_MESSAGE_BYTES // 2))

    error = refused("é" * (MAX_MESSAGE_BYTES // 2) + "x")

    assert error.code == "message.too_long"
    assert error.detail == {"limit_bytes": MAX_MESSAGE_BYTES}


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\x00" * 1_000_000, "<div>" * 100_000])
def test_a_megabyte_is_refused_at_once(text):
    started = time.perf_counter()

    assert refused(text).code == "message.too_long"
    assert time.perf_counter() - started < 0.1


def test_text_that_grows_over_the_limit_by_composing_is_refused():
    assert refused("\U0001d15e" * (MAX_MESSAGE_BYTES // 4)).code == "message.too_long"


@pytest.mark.parametrize(
    "text",
    [
        "> " * 21 + "x",
        ">" * 30_000,
        "1. " * 21 + "x",
        "\n".join("  " * depth + "- x" for depth in range(21)),
        "*a **b " * 11 + "c** d*" * 11,
        "*a " * 9_000 + " a*" * 9_000,
    ],
)
def test_nesting_over_twenty_deep_is_refused(text):
    assert refused(text).code == "message.too_deep"


@pytest.mark.parametrize(
    "text", ["> " * 20 + "x", "\n".join("  " * depth + "- x" for depth in range(20))]
)
def test_nesting_twenty_deep_is_allowed(text):
    assert "x" in render(text)


def test_links_are_left_out_where_thousands_of_brackets_would_cost_seconds():
    assert "<a" in render("[" * 3_000 + "x" + "[a](mailto:a@b.example)")
    assert "<a" not in render("[" * 4_001 + "[a](mailto:a@b.example)")


@pytest.mark.parametrize(
    "unit",
    [
        "![", "[", "[a](", "<", "<a ", "*_", "***a ", "~~a ", "`a``b", "a_", "|", "- a\n", "\n",
        "#1 ", "@ab ", "> *a\n", ">\n\n", "http://a ", "&amp;", "a\n=\n", "```\n", "1.\n", "\\*", "<http://a>",
    ],
)  # fmt: skip
def test_sixty_four_kilobytes_of_anything_take_seconds_at_most(unit):
    started = time.perf_counter()

    html = render((unit * MAX_MESSAGE_BYTES)[: MAX_MESSAGE_BYTES - 8])

    assert time.perf_counter() - started < 3
    assert len(html) < 2_000_000


def test_reference_links_cannot_multiply_an_address():
    text = f"[a]: https://a.example/{'x' * 30_000}\n\n" + "[a]" * 3_000

    assert len(render(text)) < 200_000


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


class Outline(HTMLParser):
    """Reads HTML as a browser would, and lists what must not be there."""

    TAGS = re.compile(
        "a|blockquote|br|code|div|em|h[3-6]|hr|li|ol|p|pre|s|span|strong|"
        "table|tbody|td|th|thead|tr|ul"
    )
    ATTRIBUTES = frozenset(
        {"href", "rel", "class", "data-language", "data-name", "data-number", "start", "tabindex"}
    )

    def __init__(self):
        super().__init__()
        self.problems = []

    @classmethod
    def of(cls, html):
        outline = cls()
        outline.feed(html)
        outline.close()
        return outline

    def handle_starttag(self, tag, attrs):
        if not self.TAGS.fullmatch(tag):
            self.problems.append(tag)
        for name, value in attrs:
            if name not in self.ATTRIBUTES:
                self.problems.append(name)
            if name == "href" and not re.match(r"(https?|mailto):", value or ""):
                self.problems.append(value)

    def handle_comment(self, data):
        self.problems.append(data)


HOSTILE = (
    "<script> </a> [a]( ) ![ ] <a\thref= javascript: https://a.b \" ' ` ``` ~~~ * _ ** > - 1. "
    "# @Ab #3 \n \\ &lt; &#x3c; | |- \t <!-- --> <svg onload=x> x"
)
SNIPPETS = st.lists(
    st.sampled_from(HOSTILE.split(" "))
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=3)
).map("".join)


@settings(max_examples=2_000, deadline=None)
@given(SNIPPETS)
def test_no_text_comes_out_as_more_than_the_allowed_tags(text):
    try:
        html = render(text)
    except Invalid:
        return
    assert Outline.of(html).problems == []
