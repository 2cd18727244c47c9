"""The Markdown parser: what is marked, linked and coloured, and what stays text."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from hub.errors import Invalid

from .colour import MAX_COLOURED_CHARS, colour

MAX_CELLS = 5_000
MAX_MARKS = 300
SCHEMES = ("http:", "https:", "mailto:")

_MARK = re.compile(
    r"(?P<url>https?://[^\s<>\"'`]{1,2000})"
    r"|(?<![\w@/.+-])@(?P<name>[A-Za-z](?:[A-Za-z0-9_-]{0,30}[A-Za-z0-9_])?)(?!\w)"
    r"|(?<![\w&#/])#(?P<task>[1-9][0-9]{0,8})(?!\w)"
)
_LANGUAGE = re.compile(r"[A-Za-z0-9+#.-]{1,24}")


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        """Allow only the schemes that a chat needs; others stay text."""
        return url.strip().lower().startswith(SCHEMES)


def _refuse_many(state: StateCore) -> None:
    """Refuse tables that multiply: missing cells are filled in, and 64 kB gave 65,000 of them."""
    if sum(token.type in {"th_open", "td_open"} for token in state.tokens) > MAX_CELLS:
        raise Invalid(
            f"The tables of a message have at most {MAX_CELLS} cells; attach a file instead.",
            code="message.too_many_cells",
            limit=MAX_CELLS,
        )


def _decorate(state: StateCore) -> None:
    """Mark mentions, task numbers and bare links; show images as links, headings from h3 on."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
        elif token.type == "table_open":
            token.attrs["tabindex"] = "0"
        elif token.type in {"th_open", "td_open"}:
            token.attrs.clear()
        elif token.children:
            token.children = list(_decorated(token.children, state))


def _decorated(tokens: Sequence[Token], state: StateCore) -> Iterator[Token]:
    links = 0
    for token in tokens:
        links += (token.type == "link_open") - (token.type == "link_close")
        if token.type == "image":
            yield from _image(token, state, is_linked=links > 0)
        elif token.type == "text" and not links:
            yield from _marked(token.content, token.level, state)
        else:
            yield token


def _image(token: Token, state: StateCore, *, is_linked: bool) -> Iterator[Token]:
    """Show an image as a link to it, and inside a link as its description."""
    address = str(token.attrs["src"])
    renderer = state.md.renderer
    assert isinstance(renderer, RendererHTML), "make_parser sets no other one"
    words = renderer.renderInlineAsText(token.children, state.md.options, state.env)
    shown = _text(words or address, token.level)
    if is_linked or not address:
        yield shown
    else:
        yield from _link(address, shown)


def _marked(text: str, level: int, state: StateCore) -> Iterator[Token]:
    """Cut a run of text at its mentions, task numbers and bare links, while their share lasts."""
    start = 0
    for match in _MARK.finditer(text):
        if state.env.setdefault("marks", 0) >= MAX_MARKS:
            break
        state.env["marks"] += 1
        end = match.end()
        if match["url"]:
            address = _trimmed(match["url"])
            end = match.start() + len(address)
            marks = _link(state.md.normalizeLink(address), _text(address, level))
        else:
            marks = iter([_mark(match, level, state)])
        if match.start() > start:
            yield _text(text[start : match.start()], level)
        yield from marks
        start = end
    if start < len(text):
        yield _text(text[start:], level)


def _trimmed(address: str) -> str:
    """Leave the punctuation after a bare link outside, and a bracket it did not open."""
    address = address.rstrip(".,;:!?*_~]}")
    while address.endswith(")") and address.count(")") > address.count("("):
        address = address[:-1].rstrip(".,;:!?*_~]}")
    return address


def _mark(match: re.Match[str], level: int, state: StateCore) -> Token:
    token = Token("mark", "span", 0, content=match[0], level=level)
    if match["name"]:
        state.env.setdefault("mentions", []).append(match["name"])
        token.attrs = {"class": "mention", "data-name": match["name"]}
    else:
        token.attrs = {"class": "task-ref", "data-number": match["task"]}
    return token


def _text(content: str, level: int) -> Token:
    return Token("text", "", 0, content=content, level=level)


def _link(address: str, shown: Token) -> Iterator[Token]:
    yield Token("link_open", "a", 1, attrs={"href": address}, level=shown.level)
    yield shown
    yield Token("link_close", "a", -1, level=shown.level)


def _render_mark(self: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
    token = tokens[index]
    return f"<span{self.renderAttrs(token)}>{escape(token.content)}</span>"


def _render_code(_: Any, tokens: Sequence[Token], index: int, __: Any, found: Any) -> str:
    """Colour a block of code, while the message's share of colouring lasts."""
    token = tokens[index]
    asked = _LANGUAGE.match(token.info.strip())
    language = asked[0].lower() if asked else "text"
    total = found.get("coloured", 0) + len(token.content)
    if total <= MAX_COLOURED_CHARS:
        found["coloured"] = total
        inside = colour(token.content, language)
    else:
        inside = escape(token.content)
    # Focusable, so that a keyboard can scroll it.
    block = f'<pre tabindex="0"><code>{inside}</code></pre>'
    return f'<div class="code" data-language="{language}">{block}</div>\n'


def make_parser(*, has_links: bool = True) -> MarkdownIt:
    """Build the parser. Reference links are off: `[a]: long` used often multiplies the size."""
    parser = _Parser("js-default", {"breaks": True, "html": False, "linkify": False})
    parser.disable(["reference", "smartquotes", "replacements"])
    if not has_links:
        parser.disable(["link", "image"])
    parser.core.ruler.before("inline", "refuse_many", _refuse_many)
    # Before escaped characters join the text around them, so that an escaped @ stays plain.
    parser.core.ruler.after("inline", "decorate", _decorate)
    parser.add_render_rule("mark", _render_mark)
    parser.add_render_rule("fence", _render_code)
    parser.add_render_rule("code_block", _render_code)
    return parser
