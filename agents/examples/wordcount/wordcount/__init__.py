"""Count lines, words and characters of a text."""

from wordcount.counting import Counts, count, top_words

__all__ = ["Counts", "count", "top_words"]
