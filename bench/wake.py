"""From an event that wakes an agent to the start of its turn, through all of a running house."""

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import cycle, islice

from django.conf import settings

from bench import players
from bench.floor_turns import Wake
from bench.measure import Line, drive, line, one_by_one
from bench.players import Team
from bench.stage import Stage

PACE_S = 0.5
SLEEPERS = 20


def lines(ground: Stage, address: tuple[str, int], count: int, seconds: float) -> Iterator[Line]:
    """Measure so many wake-ups: on the floor, as they are, and without the coalescing window.

    The floor does not wait for a burst to end, so the line without the window is beside it.
    """
    floor = drive([Wake(ground, 0)], seconds)
    yield line("floor wake", 1, floor, floor)
    window_s = settings.COALESCE_S
    team = players.hire(address, "bench wake", "reviewer", min(SLEEPERS, count))
    took_ms = _woken(team, count)
    later = one_by_one([one + window_s * 1000 for one in floor.took_ms])
    yield line("wake", 1, one_by_one(took_ms), later, window_s=window_s)
    past_ms = [max(one - window_s * 1000, 0.001) for one in took_ms]
    yield line("wake past window", 1, one_by_one(past_ms), floor)


def _woken(team: Team, count: int) -> list[float]:
    """Speak to one sleeper after the other, two a second, and time what each turn takes to start.

    From the event's own time, which is a little before its commit, to the turn's; both are the
    database's.
    """
    said: dict[str, datetime] = {}
    took_ms: list[float] = []
    for name in islice(cycle(team.names), count):
        began = time.monotonic()
        if name in said:
            took_ms.append(_awaited(team, name, said.pop(name)))
        said[name] = team.say(name)
        time.sleep(max(0.0, began + PACE_S - time.monotonic()))
    return took_ms + [_awaited(team, name, at) for name, at in said.items()]


def _awaited(team: Team, name: str, at: datetime) -> float:
    team.wait_for(at, name)
    return (team.first_start(at, name) - at).total_seconds() * 1000
