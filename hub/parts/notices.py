"""Thin lines above every page: what everybody must know while it is so."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

KEPT_S = 5.0  # a page does not ask anew what the one before it has asked

Maker = Callable[[], list[str]]
Found = TypeVar("Found")

_makers: list[Maker] = []
_kept: dict[str, tuple[float, Any]] = {}


def add(maker: Maker) -> None:
    """Register a maker of lines, each a sentence without its full stop."""
    _makers.append(maker)


def lines() -> list[str]:
    """Give the lines that hold now, as old as 5 s."""
    return kept("lines", lambda: [line for maker in _makers for line in maker()])


def kept(name: str, find: Callable[[], Found]) -> Found:
    """Find something that every page asks for, or give what was found within the last 5 s."""
    now = time.monotonic()
    if name not in _kept or now - _kept[name][0] > KEPT_S:
        _kept[name] = (now, find())
    found: Found = _kept[name][1]
    return found


def forget() -> None:
    """Ask anew at the next page."""
    _kept.clear()
