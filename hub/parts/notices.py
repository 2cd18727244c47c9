"""Thin lines above every page: what everybody must know while it is so."""

import time
from collections.abc import Callable

KEPT_S = 5.0  # a page does not ask anew what the one before it has asked

Maker = Callable[[], list[str]]

_makers: list[Maker] = []
_kept: list[tuple[float, list[str]]] = []


def add(maker: Maker) -> None:
    """Register a maker of lines, each a sentence without its full stop."""
    _makers.append(maker)


def lines() -> list[str]:
    """Give the lines that hold now, as old as 5 s."""
    now = time.monotonic()
    if not _kept or now - _kept[-1][0] > KEPT_S:
        _kept[:] = [(now, [line for maker in _makers for line in maker()])]
    return _kept[-1][1]


def forget() -> None:
    """Ask anew at the next page."""
    _kept.clear()
