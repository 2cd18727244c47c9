"""Colours for blocks of code: which languages, within which limits."""

import re
from html import escape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

MAX_COLOURED_CHARS = 10_000
MAX_COLOURED_LINE_CHARS = 500
MAX_COLOURED_BLANK_LINES = 20

_NAMES = """
    bash c c++ console cpp css diff django docker dockerfile go graphql haskell html http ini
    javascript js json jsx kotlin lua make makefile nginx nix php powershell proto py pycon pytb
    python rb rs ruby rust scala sh shell sql swift toml ts tsx typescript xml yaml yml zig
"""
# A closed list: Pygments has 500 lexers, and most take quadratic time on some text. Within the
# three limits above none of these takes over 0.4 s; Java, left out, takes 1.9 s.
LANGUAGES = frozenset(_NAMES.split())
CLASSES = frozenset(filter(None, STANDARD_TYPES.values()))

_FORMATTER = HtmlFormatter(nowrap=True)


def colour(code: str, language: str) -> str:
    """Give code as HTML with Pygments' classes, or merely escaped in an unknown language."""
    if language not in LANGUAGES or not _is_written_by_hand(code):
        return escape(code)
    # The lexer would otherwise drop blank lines at both ends.
    return highlight(code, get_lexer_by_name(language, stripnl=False), _FORMATTER)


def _is_written_by_hand(code: str) -> bool:
    """Tell code from the runs of one thing on which lexers are slow."""
    longest = max(map(len, code.split("\n")))
    blank = "\n" * (MAX_COLOURED_BLANK_LINES + 1)
    return longest <= MAX_COLOURED_LINE_CHARS and blank not in re.sub(r"[^\S\n]+", "", code)
