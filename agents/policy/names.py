"""Names for new agents: fresh ones first, a used one only when the list is through."""

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "names.txt"


@cache
def names() -> tuple[str, ...]:
    """Read the list, one name a line."""
    return tuple(FILE.read_text(encoding="utf-8").split())


def pick(known: Sequence[str], used: Collection[str], live: Collection[str]) -> str:
    """Choose a name that was never used, else one that nobody bears now, else a numbered one.

    Case does not matter: `used` and `live` are compared in lower case.
    """
    was = {name.lower() for name in used}
    now = {name.lower() for name in live}
    for taken in (was | now, now):
        free = next((name for name in known if name.lower() not in taken), None)
        if free:
            return free
    number = 2
    while f"{known[0]}{number}".lower() in now:
        number += 1
    return f"{known[0]}{number}"
