"""Hostile Markdown: what is refused first, what stays cheap, and what no text can smuggle in."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Invalid
from hub.markdown import MAX_MESSAGE_BYTES, render


def refused(text):
    with pytest.raises(Invalid) as caught:
        render(text)
    return caught.value


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


def test_a_message_over_the_limit_is_refused_by_its_bytes():
    assert render("é" * (MAX_MESSAGE_BYTES // 2))

    error = refused("é" * (MAX_MESSAGE_BYTES // 2) + "x")

    assert error.code == "message.too_long"
    assert error.detail == {"limit_bytes": MAX_MESSAGE_BYTES}


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\x00" * 1_000_000, "<div>" * 100_000])
def test_a_megabyte_is_refused_at_once(text):
    started = time.thread_time()

    assert refused(text).code == "message.too_long"
    assert time.thread_time() - started < 0.1


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
    started = time.thread_time()

    html = render((unit * MAX_MESSAGE_BYTES)[: MAX_MESSAGE_BYTES - 8])

    assert time.thread_time() - started < 3
    assert len(html) < 2_000_000


def test_reference_links_cannot_multiply_an_address():
    text = f"[a]: https://a.example/{'x' * 30_000}\n\n" + "[a]" * 3_000

    assert len(render(text)) < 200_000


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
