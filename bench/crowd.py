"""Many rehearsed agents at once: turns a second, and how much of them passes in the database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from django.conf import settings

from bench import house, players
from bench.floor import parameters
from bench.floor_turns import Turn
from bench.measure import Line, Taken, drive, line
from bench.players import Team
from bench.stage import Stage, seat

LOOK_S = 0.01
ROUNDS_MAX = 20
# A turn is under way while a lease is held; its session's statements are those of the worker.
LOOK = (
    "SELECT count(*), count(*) FILTER (WHERE wait_event_type = 'Lock'),"
    " (SELECT count(*) FROM hub_run WHERE lease_until > clock_timestamp())"
    " FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
    " AND state = 'active'"
)


@dataclass(slots=True)
class Seen:
    """What was seen in all looks together: statements that ran, and turns that were under way.

    `waiting` are those of the statements that waited for a lock of another turn.
    """

    statements: int = 0
    waiting: int = 0
    turns: int = 0

    def shares(self) -> dict[str, float]:
        """Give the parts of the turns' time that passed in the database, and there in waiting."""
        turns = max(self.turns, 1)
        return {
            "database_share": round(self.statements / turns, 2),
            "lock_share": round(self.waiting / turns, 2),
        }


def lines(ground: Stage, address: tuple[str, int], agents: int, seconds: float) -> Iterator[Line]:
    """Measure agents that are all spoken to at once, beside the same rows by plain SQL.

    The floor has as many clients as the house has slots for turns.
    """
    slots = settings.SESSION_SLOTS
    seats = seat(ground, slots)
    floor = drive([Turn(ground, number, row) for number, row in enumerate(seats)], seconds)
    yield line("floor turn", slots, floor, floor)
    team = players.hire(address, "bench crowd", "tester", agents)
    with watched() as seen:
        taken = _crowded(team, seconds)
    yield line("turn", agents, taken, floor, slots=slots, **seen.shares())


def _crowded(team: Team, seconds: float) -> Taken:
    """Speak to all, wait until each had its turn, again; only the time of the turns counts."""
    took_ms: list[float] = []
    spent_s, rounds = 0.0, 0
    while not rounds or (spent_s < seconds and rounds < ROUNDS_MAX):
        at = team.say(*team.names)
        team.wait_for(at)
        spans = team.spans(at)
        took_ms += [(ended - began).total_seconds() * 1000 for began, ended in spans]
        first, last = min(began for began, _ in spans), max(ended for _, ended in spans)
        spent_s += (last - first).total_seconds()
        rounds += 1
    return Taken(ops_per_s=len(took_ms) / spent_s, took_ms=took_ms)


@contextmanager
def watched() -> Iterator[Seen]:
    """Look a hundred times a second at what the sessions worker has the database do."""
    seen, over = Seen(), threading.Event()
    thread = threading.Thread(target=_watch, args=(seen, over), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _watch(seen: Seen, over: threading.Event) -> None:
    with psycopg.connect(**parameters(), autocommit=True) as sql:
        while not over.wait(LOOK_S):
            found = sql.execute(LOOK, [house.SESSIONS]).fetchone() or (0, 0, 0)
            if found[2]:
                seen.statements += found[0]
                seen.waiting += found[1]
                seen.turns += found[2]
