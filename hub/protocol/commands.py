"""The values that the protocol speaks in: commands, hints, and the words of every hint."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_LINE_BYTES = 4_096
MAX_FIELDS = 32
MAX_TAGS = 32
MAX_KEY_CHARS = 32
MAX_VALUE_CHARS = 2_000
MAX_TITLE_CHARS = 160
MAX_BRIEF_CHARS = 20_000
MAX_COMMANDS = 20
MAX_HINTS = 10

# Why a line that looks like a command is none, and what to write instead.
SENTENCES: Mapping[str, str] = {
    "line.too_long": f"{{verb}}: a line has at most {MAX_LINE_BYTES} bytes; this has {{size}}.",
    "line.control": "{verb}: control characters must be written as escapes in quotes, such as \\n.",
    "quote.unclosed": '{verb}: the quote after `{key}` is never closed; end it with ".',
    "quote.misplaced": '{verb}: a quote inside `{key}`; quote the whole value: key="two words".',
    "quote.glued": "{verb}: put a space after the closing quote of `{key}`.",
    "escape.unknown": '{verb}: `{escape}` is no escape; use \\" \\\\ \\n \\r \\t or \\u{{hex}}.',
    "escape.character": "{verb}: `{escape}` names no character that can be stored.",
    "word.stray": '{verb}: `{word}` is no key=value; put text in quotes: key="two words".',
    "tag.empty": "{verb}: a tag needs a name after #.",
    "tags.too_many": f"{{verb}}: at most {MAX_TAGS} tags.",
    "fields.too_many": f"{{verb}}: at most {MAX_FIELDS} fields.",
    "key.invalid": (
        "{verb}: `{key}` is no key: a lower-case letter, then letters, digits and hyphens, "
        f"at most {MAX_KEY_CHARS} in all."
    ),
    "key.twice": "{verb}: `{key}` is given twice.",
    "key.missing": "{verb} needs `{key}=…`: {help}",
    "value.empty": '{verb}: `{key}=` has no value; for an empty one write {key}="".',
    "value.too_long": f"{{verb}}: `{{key}}` has at most {MAX_VALUE_CHARS} characters.",
    "value.name": "{verb}: `{key}` is one name or number: letters, digits and . _ / -, at most 60.",
    "value.integer": "{verb}: `{key}` is a whole number from {low} to {high}.",
    "value.decimal": "{verb}: `{key}` is an amount such as 0.25, not negative.",
    "value.choice": "{verb}: `{key}` is one of {choices}.",
    "value.list": "{verb}: `{key}` is a list of names with commas between them.",
    "task.no_title": "A task needs a title: `TASK: @Name what to do`; a brief may follow.",
    "task.title_too_long": f"A title has at most {MAX_TITLE_CHARS} characters; more is a brief.",
    "task.brief_too_long": f"A brief has at most {MAX_BRIEF_CHARS} characters.",
    "commands.too_many": (
        f"A message carries at most {MAX_COMMANDS} commands; none of these was carried out."
    ),
    "hints.too_many": "{count} more lines look like commands and are none.",
}


def hint_table() -> str:
    """Write the codes of hints as the Markdown table of docs/protocol.md."""
    facts = defaultdict(lambda: "…", verb="VERB", key="key", low="0", high="100")
    rows = [f"| `{code}` | {SENTENCES[code].format_map(facts)} |" for code in SENTENCES]
    return "\n".join(["| Code | Answer |", "| --- | --- |", *rows, ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One line that asks for something.

    `verb` is one of the 24, `TASK:`, `TASK?` (say what it would do) or `!name`. Verbs have
    `fields` and `tags`, SHARING-CONTEXT only a `payload`; `TASK:` has the fields title, to and
    brief; `!name` has `args`. `line` counts from 1; `raw` is what was written.
    """

    verb: str
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    payload: str = ""
    line: int = field(default=1, compare=False)
    raw: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Why a line that looks like a command stays chat: a stable code, and a sentence to answer."""

    code: str
    sentence: str
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a message asks for, in the order of its lines, and what it fails to ask for."""

    commands: tuple[Command, ...] = ()
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line on its way to a Command or a Hint."""

    verb: str
    number: int
    raw: str

    def command(
        self,
        *,
        fields: Mapping[str, str] | None = None,
        tags: tuple[str, ...] = (),
        args: tuple[str, ...] = (),
        payload: str = "",
    ) -> Command:
        """Make this line's command."""
        return Command(
            verb=self.verb,
            fields=fields or {},
            tags=tags,
            args=args,
            payload=payload,
            line=self.number,
            raw=self.raw,
        )

    def hint(self, code: str, **facts: object) -> Hint:
        """Make a hint about this line."""
        sentence = SENTENCES[code].format(verb=self.verb, **facts)
        return Hint(code=code, sentence=sentence, line=self.number)
