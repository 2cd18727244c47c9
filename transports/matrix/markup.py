"""Markdown to the HTML of Matrix and back; what is too big or too deep is not looked at.

Source: Matrix client-server API 1.11, m.room.message (allowed tags; nesting at most 100).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

import nh3
from markdown_it.token import Token

from hub.errors import Invalid
from hub.markdown import MAX_LINK_BRACKETS
from hub.markdown.parser import make_parser
from hub.text import MAX_MARKS_IN_A_ROW, clean

from .names import Names
from .reading import Reader

# nh3 takes quadratic time on nested tags, and open ones are repeated in each paragraph: so all
# three are counted before it sees the text. The worst found within them takes 0.2 s.
MAX_HTML_BYTES, MAX_TAGS, MAX_DEPTH = 65_536, 2_000, 50

_TAGS = """
    a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s strike strong sub sup
    table tbody td th thead tr ul
"""
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS.split()),
    clean_content_tags={"script", "style", "mx-reply"},
    attributes={"a": {"href"}, "code": {"class"}, "img": {"alt"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel=None,
)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)")
_VOID = {"br", "hr", "img", "input", "meta", "link", "wbr"}
_BREAKS = re.compile("\r\n?|[\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#.-]{1,24}")
_PARAGRAPH = re.compile(r"<p>((?:(?!</?p>).)*)</p>\n?", re.DOTALL)


def plain(text: str) -> str:
    """Make any text one that can be stored and sent: line feeds only, U+FFFD for other controls.

    Halves of characters break a homeserver, NUL breaks a database; order marks deceive.
    """
    text = _CONTROL.sub("\ufffd", _BREAKS.sub("\n", text))
    try:
        return clean(text)
    except Invalid:  # more marks in a row than any language has
        return clean("".join(_few_marks(text)))


def _few_marks(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MAX_MARKS_IN_A_ROW:
            kept.append(character)
    return kept


def to_html(markdown: str) -> str:
    """Show Markdown as the HTML that Matrix clients take; empty where it adds nothing.

    Raw HTML in it is escaped.
    """
    parser = _PARSER if markdown.count("[") <= MAX_LINK_BRACKETS else _LINKLESS_PARSER
    found: dict[str, Any] = {}
    try:
        tokens = parser.parse(markdown, found)
    except Invalid:  # too many cells of a table
        return ""
    for token in tokens:
        token.attrs.pop("tabindex", None)
    html = str(parser.renderer.render(tokens, parser.options, found)).strip()
    # A lone paragraph would be set apart from the sender's name by some clients.
    if alone := _PARAGRAPH.fullmatch(html):
        html = alone[1]
    return "" if html == escape(markdown.strip(), quote=False).replace('"', "&quot;") else html


def from_html(html: str, names: Names) -> str | None:
    """Read a message's HTML as Markdown; None when it is too big or too deep to be looked at.

    The quote of an answered message goes, a link to a puppet becomes a mention.
    """
    if not _is_small(html):
        return None
    cleaned = _CLEANER.clean(_with_pills(html, names))
    if len(cleaned) > MAX_HTML_BYTES * 8:
        return None
    return plain(Reader().read(cleaned))


def _is_small(html: str) -> bool:
    """Count bytes, tags and depth, in one pass that no input makes slow."""
    if len(html) > MAX_HTML_BYTES or len(html.encode("utf-8", "replace")) > MAX_HTML_BYTES:
        return False
    opened: Counter[str] = Counter()
    depth = 0
    for tags, found in enumerate(_TAG.finditer(html), 1):
        name = found[2].lower()
        if found[1] and opened[name]:  # a close of what is not open closes nothing
            opened[name] -= 1
            depth -= 1
        elif not found[1] and name not in _VOID:
            opened[name] += 1
            depth += 1
        if tags > MAX_TAGS or depth > MAX_DEPTH:
            return False
    return True


_PILL = re.compile(
    r"<a\s[^<>]{0,200}?href=[\"']https://matrix\.to/#/(?:@|%40)([^\"'<>/?]{1,255})[\"'][^<>]{0,200}>"
    r"([^<>]{0,255})</a>",
    re.IGNORECASE,
)


def _with_pills(html: str, names: Names) -> str:
    """Show links to users as names: our puppets as mentions, others as plain text."""

    def shown(found: re.Match[str]) -> str:
        user = "@" + re.sub("%3a", ":", found[1], flags=re.IGNORECASE)
        member = names.member(user)
        return f"@{escape(member)}" if member else found[2]

    return _PILL.sub(shown, html)


def _render_code(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    token = tokens[index]
    asked = _LANGUAGE.match(token.info.strip())
    language = f' class="language-{escape(asked[0])}"' if asked else ""
    return f"<pre><code{language}>{escape(token.content)}</code></pre>\n"


def _render_mark(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return escape(tokens[index].content)


def _made(*, has_links: bool) -> Any:
    parser = make_parser(has_links=has_links)
    parser.add_render_rule("mark", _render_mark)
    parser.add_render_rule("fence", _render_code)
    parser.add_render_rule("code_block", _render_code)
    return parser


_PARSER = _made(has_links=True)
_LINKLESS_PARSER = _made(has_links=False)
