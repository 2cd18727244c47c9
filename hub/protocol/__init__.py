"""What a chat line means: the 24 verbs, `TASK:` and `!commands`, read and written. Pure.

The grammar is in docs/protocol.md; who handles a command is decided elsewhere.
"""

from .commands import SENTENCES, Command, Hint, Parsed, hint_table
from .reading import parse
from .verbs import VERBS, Key, Verb, verb_table
from .writing import describe, render

__all__ = [
    "SENTENCES",
    "VERBS",
    "Command",
    "Hint",
    "Key",
    "Parsed",
    "Verb",
    "describe",
    "hint_table",
    "parse",
    "render",
    "verb_table",
]
