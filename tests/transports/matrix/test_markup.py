"""Markdown and the HTML of Matrix, both ways; hostile HTML is small work."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.matrix.markup import MAX_HTML_BYTES, from_html, plain, to_html

from .helping import NAMES

QUICK_S = 2.0


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("hello", ""),
        ('it\'s "1 < 2" & so', ""),
        ("**now** @ada #12", "<strong>now</strong> @ada #12"),
        ("one\ntwo", "one<br>\ntwo"),
        ("```py\nx = 1 < 2\n```", '<pre><code class="language-py">x = 1 &lt; 2\n</code></pre>'),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("[x](https://example.org)", '<a href="https://example.org">x</a>'),
        ("*a* <script>b</script>", "<em>a</em> &lt;script&gt;b&lt;/script&gt;"),
        ("*a* [x](javascript:alert(1))", "<em>a</em> [x](javascript:alert(1))"),
    ],
)
def test_markdown_is_shown_as_html_where_that_says_more(markdown: str, html: str) -> None:
    assert to_html(markdown) == html


def test_a_table_too_big_and_brackets_without_end_are_quick_and_stay_text() -> None:
    began = time.thread_time()

    assert to_html("|a" * 600 + "\n" + "|-" * 600 + "\n" + "x\n" * 20) == ""
    to_html("![" * 7_000)

    assert time.thread_time() - began < QUICK_S


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>hi <b>you</b></p><p>two</p>", "hi **you**\n\ntwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<em>a</em> <del>b</del>", "*a* ~~b~~"),
        ("<h2>Head</h2>text", "## Head\n\ntext"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ('<ol start="3"><li>x</li><li>y</li></ol>', "3. x\n4. y"),
        ("<blockquote><p>q</p></blockquote>t", "> q\n\nt"),
        ('<pre><code class="language-py">a\n\nb\n</code></pre>', "```py\na\n\nb\n```"),
        ("<pre><code>```\n</code></pre>", "````\n```\n````"),
        ("<code>a*b</code> a*b", "`a*b` a\\*b"),
        ("snake_case _x_", "snake_case \\_x\\_"),
        ("# no head<br>- no item<br>1. no list", "\\# no head\n\\- no item\n1\\. no list"),
        ('<a href="https://e.org/(a)">l</a>', "[l](https://e.org/%28a%29)"),
        ('<a href="https://e.org/">https://e.org/</a>', "https://e.org/"),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ('<a href="https://matrix.to/#/@parley_ada:localhost">Ada L</a>: hi', "@ada: hi"),
        ('<a href="https://matrix.to/#/%40parley_ada%3Alocalhost">Ada</a>', "@ada"),
        ('<a href="https://matrix.to/#/@eve:elsewhere">Eve</a>', "Eve"),
        ('<a href="https://matrix.to/#/@parley_ada:elsewhere">Ada</a>', "Ada"),
        ("<table><tr><th>a</th></tr><tr><td>1</td></tr></table>", "| a |\n|---|\n| 1 |"),
        ("<mx-reply><blockquote>old</blockquote></mx-reply>new", "new"),
        ("a<script>alert(1)</script><style>x</style>b", "ab"),
        ('<img src="https://e.org/x" alt="a picture" onerror="x">', "a picture"),
        ("&lt;script&gt; &amp; @ada #12", "\\<script> & @ada #12"),
        ("a\u202eb\u0085c", "ab\ufffdc"),
    ],
)
def test_html_is_read_as_markdown(html: str, markdown: str) -> None:
    assert from_html(html, NAMES) == markdown


HOSTILE = {
    "10,000 deep": "<div>" * 10_000 + "x",
    "deep with closes that close nothing": "<div></b>" * 5_000,
    "1 MB": "x" * 1_000_000,
    "1 MB of four bytes": "\U0001f600" * 20_000,
    "many tags": "<b></b>" * 5_000,
    "one tag over": "<br>" * 2_001,
}
BOUNDED = {
    "open formats in each paragraph": "".join(f"<b c={n}>" for n in range(49)) + "<p>x" * 1_900,
    "links in links": '<a href="http://x">' * 49 + "x",
    "comments": "<!--" * 16_000,
    "brackets": "<" * 65_000,
    "ampersands": "&" * 65_000,
    "attributes": "<a " + "".join(f"x{n} " for n in range(10_000)) + ">",
    "half links to users": '<a href="https://matrix.to/#/@' * 2_000,
    "an a that never ends": "<a " + "x " * 30_000,
    "marks": "e" + "\u0301" * 30_000,
    "quotes of lists": "<blockquote><ul><li>" * 16 + "x<br>" * 1_900,
    "backticks": "<code>" + "`" * 60_000 + "</code>",
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE)
def test_what_is_too_big_or_too_deep_is_not_looked_at(html: str) -> None:
    began = time.thread_time()

    assert from_html(html, NAMES) is None

    assert time.thread_time() - began < QUICK_S


@pytest.mark.parametrize("html", BOUNDED.values(), ids=BOUNDED)
def test_the_worst_within_the_limits_is_quick(html: str) -> None:
    assert len(html.encode()) <= MAX_HTML_BYTES
    began = time.thread_time()

    from_html(html, NAMES)

    assert time.thread_time() - began < QUICK_S


PIECES = [
    *"<>/abp&;='\"` \n*#-",
    "<li>",
    "<ol>",
    "<pre>",
    "</pre>",
    "</li>",
    "</b>",
    "<td>",
    "</a>",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_no_html_breaks_the_reader(pieces: list[str]) -> None:
    text = from_html("".join(pieces), NAMES)

    assert text is not None
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "tamed"),
    [
        ("a\x00b\x01\x02\x03\x1bc", "a\ufffdb\ufffd\ufffd\ufffd\ufffdc"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\x85b\x9fc", "a\ufffdb\ufffdc"),
        ("\ud800x\udfff", "\ufffdx\ufffd"),
        ("\u202eabc\u2066", "abc"),
        ("tab\tstays", "tab\tstays"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_any_text_becomes_one_that_can_be_stored_and_sent(text: str, tamed: str) -> None:
    assert plain(text) == tamed


@given(st.text(st.characters()))
def test_a_tamed_text_stays_as_it_is(text: str) -> None:
    once = plain(text)

    assert plain(once) == once
    assert once.encode().decode() == once
    assert "\x00" not in once
