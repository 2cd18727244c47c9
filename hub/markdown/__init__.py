"""Markdown to sanitised HTML, once, when a text is stored; plain text lives in `hub.text`."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nh3
from markdown_it.token import Token
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from hub.errors import Invalid
from hub.text import clean, mask

from .colour import CLASSES
from .parser import SCHEMES, make_parser

MAX_MESSAGE_BYTES = 65_536
MAX_DEPTH = 20
MAX_LINK_BRACKETS = 4_000

# Control, format and space characters: a text of nothing else shows nothing.
_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_TAGS = """
    a blockquote br code div em h3 h4 h5 h6 hr li ol p pre s span strong
    table tbody td th thead tr ul
"""
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS.split()),
    clean_content_tags={"script", "style"},
    attributes={
        "*": set(),
        "a": {"href"},
        "div": {"data-language"},
        "ol": {"start"},
        "pre": {"tabindex"},
        "span": {"data-name", "data-number"},
        "table": {"tabindex"},
    },
    allowed_classes={
        "div": {"code"},
        "span": {"mention", "task-ref", *CLASSES},
    },
    link_rel="nofollow noopener noreferrer",
    url_schemes={scheme.rstrip(":") for scheme in SCHEMES},
    url_relative="deny",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RichText:
    """A text as it is stored: clean Markdown without secrets, its HTML, the names it mentions.

    As an action's argument it is a plain string outside; the work is done before any lock.
    """

    text: str
    html: str
    mentions: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "RichText":
        """Clean a text, mask its secrets and convert it.

        Raises Invalid: `message.empty`, `message.too_long`, `message.too_deep`,
        `message.too_many_cells`, or what `hub.text.clean` refuses.
        """
        text = mask(_cleaned(text))
        if all(unicodedata.category(character) in _UNSEEN for character in text):
            raise Invalid("A message needs some text.", code="message.empty")
        html, found = _converted(text)
        return cls(text=text, html=html, mentions=found)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        """Accept a string from outside, or a RichText from our own code."""
        from_text = core_schema.no_info_after_validator_function(
            cls.of, core_schema.str_schema(strict=True)
        )
        mine = core_schema.is_instance_schema(cls)
        return core_schema.json_or_python_schema(
            json_schema=from_text, python_schema=core_schema.union_schema([mine, from_text])
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe it as a string."""
        words = f"Markdown, at most {MAX_MESSAGE_BYTES} bytes of UTF-8"
        return {**handler(core_schema.str_schema()), "description": words}


def render(text: str) -> str:
    """Turn Markdown into sanitised HTML: no raw HTML, no images, links to http, https and mailto.

    `@Name` becomes `<span class="mention" data-name="Name">`, `#12` becomes
    `<span class="task-ref" data-number="12">`, not inside code or links; headings start at h3.
    Raises Invalid: `message.too_long` over 65,536 bytes, `message.too_deep` over 20 levels,
    `message.too_many_cells` over 5,000 cells of tables.
    Source: nh3 takes quadratic time on nested tags (130 kB of lists: 3.2 s), hence both limits.
    """
    return _converted(_cleaned(text))[0]


def mentions(text: str) -> tuple[str, ...]:
    """List the names that a text mentions outside code and links, in order, each once.

    Of mentions, task numbers and bare links only the first 300 count. Raises Invalid as `render`.
    """
    return _converted(_cleaned(text))[1]


def _cleaned(text: str) -> str:
    _refuse_long(text)
    cleaned = clean(text)
    _refuse_long(cleaned)
    return cleaned


def _converted(text: str) -> tuple[str, tuple[str, ...]]:
    """Give the HTML of a clean text, and the names it mentions."""
    found: dict[str, Any] = {}
    # 65 kB of "![" took 4.6 s in the link rules, 4,000 of them 0.1 s.
    parser = _PARSER if text.count("[") <= MAX_LINK_BRACKETS else _LINKLESS_PARSER
    tokens = parser.parse(text, found)
    _refuse_deep(tokens)
    html = parser.renderer.render(tokens, parser.options, found)
    return _CLEANER.clean(html), tuple(dict.fromkeys(found.get("mentions", ())))


def _refuse_long(text: str) -> None:
    size = len(text)
    if size <= MAX_MESSAGE_BYTES:
        size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_MESSAGE_BYTES:
        raise Invalid(
            f"A message has at most {MAX_MESSAGE_BYTES} bytes; post the rest as a second one.",
            code="message.too_long",
            limit_bytes=MAX_MESSAGE_BYTES,
        )


def _refuse_deep(tokens: Sequence[Token]) -> None:
    """Refuse what would nest tags: quotes and list items, or emphasis, over 20 deep."""
    blocks = 0
    for token in tokens:
        if token.type in {"blockquote_open", "list_item_open"}:
            blocks += 1
        elif token.type in {"blockquote_close", "list_item_close"}:
            blocks -= 1
        inline = max((child.level for child in token.children or ()), default=0)
        if max(blocks, inline) > MAX_DEPTH:
            raise Invalid(
                f"Quotes, lists and emphasis nest at most {MAX_DEPTH} deep; flatten the text.",
                code="message.too_deep",
                limit=MAX_DEPTH,
            )


_PARSER = make_parser()
_LINKLESS_PARSER = make_parser(has_links=False)
