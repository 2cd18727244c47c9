"""How much of what an agent is told: fair shares of a fixed number of bytes. Pure."""

from collections.abc import Mapping, Sequence

from hub.text import clip, split

MAX_CONTEXT_BYTES = 7_600  # with the envelopes' tags under 8 KB
MAX_ASSIGNMENT_BYTES = 5_400
MIN_LEDGER_BYTES = 1_200
MAX_LINE_CHARS = 280
CUT = " …(cut)"


def shares(sizes: Sequence[int], total: int) -> list[int]:
    """Divide a number of bytes; who wants less than an equal share leaves the rest to others."""
    granted = [0] * len(sizes)
    left, waiting = total, sorted(range(len(sizes)), key=lambda place: sizes[place])
    for count, place in enumerate(waiting):
        granted[place] = min(sizes[place], left // (len(waiting) - count))
        left -= granted[place]
    return granted


def fit(texts: Sequence[str], total: int = MAX_ASSIGNMENT_BYTES) -> list[str]:
    """Cut texts, each by its share, so that together they have at most `total` bytes."""
    sizes = [len(text.encode()) for text in texts]
    return [cut(text, share) for text, share in zip(texts, shares(sizes, total), strict=True)]


def cut(text: str, max_bytes: int) -> str:
    """Cut a text to a number of bytes, and say so in it."""
    if len(text.encode()) <= max_bytes:
        return text
    room = max_bytes - len(CUT.encode())
    return next(split(text, room), "").rstrip() + CUT if room >= 4 else ""


def line(text: str) -> str:
    """Put what is told of one thing on one line of at most 280 characters."""
    return clip(" ".join(text.split()), MAX_LINE_CHARS)


def ledger(sections: Mapping[str, Sequence[str]], max_bytes: int) -> str:
    """Write sections of one-liners; what does not fit is counted, each in its section.

    The first lines of each section are the ones that matter most.
    """
    filled = {title: [line(one) for one in lines] for title, lines in sections.items() if lines}
    wanted = [sum(len(one.encode()) + 1 for one in lines) for lines in filled.values()]
    heads = sum(len(title.encode()) + 20 for title in filled)
    granted = shares(wanted, max(max_bytes - heads, 0))
    parts = [
        _section(title, lines, share)
        for (title, lines), share in zip(filled.items(), granted, strict=True)
    ]
    return "\n".join(parts)


def _section(title: str, lines: Sequence[str], max_bytes: int) -> str:
    kept: list[str] = []
    used = 0
    for one in lines:
        used += len(one.encode()) + 1
        if used > max_bytes:
            break
        kept.append(one)
    left = len(lines) - len(kept)
    more = [f"({left} more)"] if left else []
    return "\n".join([f"{title}:", *kept, *more])
