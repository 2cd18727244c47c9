"""Plain text: cleaning, cutting, fencing and masking; Markdown lives in `hub.markdown`."""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator

from hub.errors import Invalid

MAX_MARKS_IN_A_ROW = 64
MIN_KNOWN_SECRET_CHARS = 6
MASKED = "[masked]"

# The widest character of UTF-8: a smaller piece could not hold every character.
_MIN_PIECE_BYTES = 4
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SPACES = re.compile(r"\s+")
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_SENTENCE = re.compile(r"[.!?\u2026][\"')\]\u201d\u2019]{0,3}\s+|[\u3002\uff01\uff1f]\s*|\n\s*")
_WORD = re.compile(r"\s+")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_NONCE = re.compile(r"[A-Za-z0-9]{8,64}")


def _look_alike(letters: str) -> str:
    """Match letters in either case and width, with what nobody sees between them."""
    wide = {letter: chr(ord(letter) + 0xFEE0) for letter in letters}
    return "".join(f"[{x}{x.upper()}{wide[x]}{wide[x].upper()}]{_UNSEEN}" for x in letters)


# Spaces, controls, and characters that show nothing: soft hyphen, joiners, fillers, tags.
_UNSEEN = (
    r"[\s\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]*+"
)
# A run of unseen characters is read by its own bracket only, so this takes linear time.
_ENVELOPE = re.compile(
    rf"[<\uff1c\ufe64\u2039\u3008](?={_UNSEEN}(?:[/\uff0f\u2044\u2215]{_UNSEEN})?"
    rf"{_look_alike('message')}[-_\u2010-\u2015\u2212\ufe58\ufe63\uff0d])"
)

# Each pattern starts only where a run of its own characters starts, so no input makes it
# scan the same run twice. A bare 40 or 64 digit hash matches none of them: commits may be named.
_SECRETS = tuple(
    re.compile(pattern)
    for pattern in (
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16,}",
        r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{20,}",
        r"(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{20,}",
        r"(?<![A-Za-z0-9])xox[a-z]-[A-Za-z0-9-]{10,}",
        r"(?<![A-Za-z0-9_-])sk-(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{16,}",
        r"(?<![A-Za-z0-9_-])[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
        r"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{30,}",
        r"(?<![A-Za-z0-9_-])prl_[A-Za-z0-9_-]{16,}",
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    )
)
# "bearer of bad news" stays: the word after it must be long and hold a digit.
_BEARER = re.compile(
    r"(?<![A-Za-z])(bearer\s{1,8})(?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{12,}", re.IGNORECASE
)


def clip(text: str, max_chars: int) -> str:
    """Shorten text to at most `max_chars` characters, the last one an ellipsis if anything went."""
    if len(text) <= max_chars:
        return text
    return text[: max_chars - 1].rstrip() + "…" if max_chars > 0 else ""


def clean(text: str) -> str:
    """Bring text from outside into the one form that is stored: LF line ends, NFC, no bidi tricks.

    Raises Invalid: `text.surrogate` (half a character), `text.control` (NUL and other control
    characters but line feed and tab), `text.marks` (over 64 combining marks in a row, on which
    normalisation takes quadratic time: 32,000 of them took 0.6 s).
    Source: Unicode UAX 9 (bidi), UAX 15 (NFC); CVE-2021-42574 for why bidi controls go.
    """
    if found := _SURROGATE.search(text):
        raise Invalid(
            f"Character {found.start() + 1} is half of a surrogate pair; send whole characters.",
            code="text.surrogate",
            position=found.start(),
        )
    text = text.replace("\r\n", "\n")
    if found := _CONTROL.search(text):
        raise Invalid(
            f"Character {found.start() + 1} is a control character (U+{ord(found[0]):04X}); "
            "only line feed and tab are allowed.",
            code="text.control",
            position=found.start(),
        )
    if text.isascii():
        return text
    text = _BIDI.sub("", text)
    _refuse_mark_towers(text)
    return unicodedata.normalize("NFC", text)


def storable(text: str) -> str:
    """Keep text as it is but for what no database takes: NUL and half characters become U+FFFD."""
    return _SURROGATE.sub("\ufffd", text.replace("\x00", "\ufffd"))


def presentable(text: str) -> str:
    """Make text of anything that a network tells: line ends become LF, what `clean` would refuse
    as control characters or halves becomes U+FFFD.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\ufffd", storable(text))


def _refuse_mark_towers(text: str) -> None:
    """Refuse more combining marks in a row than any language writes."""
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > MAX_MARKS_IN_A_ROW:
            raise Invalid(
                f"More than {MAX_MARKS_IN_A_ROW} combining marks in a row; send fewer.",
                code="text.marks",
                limit=MAX_MARKS_IN_A_ROW,
            )


def split(text: str, max_bytes: int) -> Iterator[str]:
    """Cut text into pieces of at most `max_bytes` UTF-8 bytes, never inside a character.

    Joined, the pieces are the text. A cut falls after a paragraph, else a sentence or line
    (both only if the piece is at least half full), else a word, else a character.
    Raises ValueError when `max_bytes` is under 4, where a character may not fit.
    Source: RFC 1459 2.3 (512 bytes a line with prefix and CR LF).
    """
    if max_bytes < _MIN_PIECE_BYTES:
        raise ValueError(f"max_bytes must be at least {_MIN_PIECE_BYTES}")
    start = 0
    while start < len(text):
        # max_bytes characters are never fewer bytes than that, so one slice holds the piece.
        raw = text[start : start + max_bytes].encode("utf-8", "surrogatepass")
        window = _whole_characters(raw[:max_bytes])
        if start + len(window) < len(text):
            window = window[: _cut(window)]
        yield window
        start += len(window)


def _whole_characters(raw: bytes) -> str:
    """Decode bytes whose last character may be cut, without that rest."""
    end = len(raw)
    while True:
        try:
            return raw[:end].decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            end -= 1


def _cut(window: str) -> int:
    """Find the best place to end a full piece."""
    half = len(window) // 2
    for pattern, at_least in ((_PARAGRAPH, half), (_SENTENCE, half), (_WORD, 1)):
        end = max((match.end() for match in pattern.finditer(window)), default=0)
        if end >= max(at_least, 1):
            return end
    return len(window)


def fence(text: str, *, author: str, trust: str, origin: str, nonce: str) -> str:
    """Wrap text nobody vouches for in an envelope that the text itself cannot close.

    `nonce` is 8 to 64 random letters or digits, new for each prompt (`secrets.token_hex(8)`).
    The text loses every occurrence of the nonce, and anything that looks like an envelope's
    tag loses its bracket. Raises ValueError on a nonce of another form.
    """
    if not _NONCE.fullmatch(nonce):
        raise ValueError("the nonce must be 8 to 64 letters or digits")
    inside = re.sub(re.escape(nonce), "[nonce]", text, flags=re.IGNORECASE)
    inside = defuse(inside)
    facts = " ".join(
        f'{key}="{_attribute(value, nonce)}"'
        for key, value in (("author", author), ("trust", trust), ("origin", origin))
    )
    return f"<message-{nonce} {facts}>\n{inside}\n</message-{nonce}>"


def defuse(text: str) -> str:
    """Take the bracket from whatever looks like an envelope's tag, to a reader or to a program."""
    return _ENVELOPE.sub("&lt;", text)


def _attribute(value: str, nonce: str) -> str:
    """Make a value safe between double quotes on one line."""
    value = re.sub(re.escape(nonce), "[nonce]", value, flags=re.IGNORECASE)
    value = _SPACES.sub(" ", _CONTROL.sub(" ", value)).strip()
    for raw, safe in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")):
        value = value.replace(raw, safe)
    return value


def mask(text: str, known: Iterable[str] = ()) -> str:
    """Replace every secret by `[masked]`: the known ones, and whatever has a secret's shape.

    Shapes: AWS key ids, bearer tokens, OpenAI and Anthropic keys, Stripe keys, GitHub, Slack,
    Google and Parley tokens, JWTs, PEM private keys. Known secrets under 6 characters are not
    looked for: they would eat ordinary words. Hashes of 40 or 64 hex digits stay.
    Terminal colour codes go first: they may stand inside a secret.
    """
    text = _ANSI.sub("", text)
    longest_first = sorted({*known}, key=len, reverse=True)
    for secret in longest_first:
        if len(secret) >= MIN_KNOWN_SECRET_CHARS:
            text = text.replace(secret, MASKED)
    for pattern in _SECRETS:
        text = pattern.sub(MASKED, text)
    return _BEARER.sub(rf"\g<1>{MASKED}", text)


def slug(text: str, max_chars: int = 40) -> str:
    """Turn a title into lower-case ASCII words joined by hyphens; empty if none is left."""
    # Clipped first: normalisation is quadratic in a row of marks.
    plain = unicodedata.normalize("NFKD", text[: max_chars * 8]).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    return words[:max_chars].strip("-")


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens a model counts for text: one per four characters, rounded up."""
    return math.ceil(len(text) / 4)
