"""The counting itself: text in, numbers out."""

import re
from collections import Counter
from dataclasses import dataclass

WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Counts:
    """How many lines, words and characters a text has."""

    lines: int
    words: int
    characters: int


def words_of(text: str) -> list[str]:
    """List the words of a text in lower case."""
    return WORD.findall(text.lower())


def count(text: str) -> Counts:
    """Count lines, words and characters; a last line without an end counts too."""
    return Counts(
        lines=len(text.splitlines()),
        words=len(words_of(text)),
        characters=len(text),
    )


def top_words(text: str, number: int) -> list[tuple[str, int]]:
    """List the words used most with their counts; equal ones in alphabetical order."""
    counted = Counter(words_of(text))
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:number]
