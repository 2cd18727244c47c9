"""What whoever started a session gets when it ends: authored words first, never a transcript."""

from collections.abc import Sequence

from hub.text import clip

MAX_SUMMARY_CHARS = 6_000
MAX_NOTE_CHARS = 1_200
MAX_DIFF_CHARS = 8_000
MAX_LAST_WORDS_CHARS = 2_000
MAX_NOTES = 8
MAX_REPORT_CHARS = MAX_SUMMARY_CHARS + MAX_NOTES * (MAX_NOTE_CHARS + 200) + 200


def report(
    summary: str, last_words: str, activity: str, notes: Sequence[tuple[str, str]] = ()
) -> str:
    """Choose what is told of a session's end: its summary, else its last words, else its activity.

    `notes` are the ones that it cites: title and text.
    """
    chosen = "It left no words."
    if summary.strip():
        chosen = clip(summary.strip(), MAX_SUMMARY_CHARS)
    elif last_words.strip():
        tail = last_words.strip()[-MAX_LAST_WORDS_CHARS:]
        chosen = f"It left no summary. Its last words: {tail}"
    elif activity.strip():
        chosen = f"It left no summary. What it did last: {activity.strip()}"
    cited = [f"{title}: {clip(text, MAX_NOTE_CHARS)}" for title, text in notes[:MAX_NOTES]]
    return "\n\n".join([chosen, *cited])


def change(sizes: Sequence[tuple[str, int, int]], patch: str) -> str:
    """Show a change, its sizes first: path, lines added, lines deleted of each file."""
    stat = [f"{path} | +{added} -{deleted}" for path, added, deleted in sizes]
    return clip("\n".join([f"{len(sizes)} files changed", *stat, "", patch]), MAX_DIFF_CHARS)
