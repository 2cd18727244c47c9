"""Timing: many clients at once, percentiles, and the line of a report. Knows nothing of Parley."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

WARM_UP_SHARE = 0.2
PATIENCE_S = 60.0


class Client(Protocol):
    """One client: does one operation when called; `close` is called in the thread that used it."""

    def __call__(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a run gave: finished operations a second, and how long each took, in milliseconds."""

    ops_per_s: float
    took_ms: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the report. `floor_ratio` is the part of the floor's ops/s that was reached.

    `facts` are numbers without which the line cannot be read, such as {"window_s": 2}.
    """

    name: str
    clients: int
    ops_per_s: float
    p50_ms: float
    p99_ms: float
    floor_ratio: float
    facts: Mapping[str, float]


def drive(clients: Sequence[Client], seconds: float) -> Taken:
    """Let every client work in a thread of its own for some seconds; the first fifth warms up.

    Each works once at least, however late its thread begins. The first error of a
    client ends the run and is raised here.
    """
    samples: list[tuple[float, float]] = []
    failures: list[BaseException] = []
    begun_at = time.perf_counter()
    end_at = begun_at + seconds * (1 + WARM_UP_SHARE)

    def work(client: Client) -> None:
        mine: list[tuple[float, float]] = []
        try:
            while ((began := time.perf_counter()) < end_at or not mine) and not failures:
                client()
                mine.append((began, time.perf_counter()))
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            failures.append(error)
        finally:
            client.close()
        samples.extend(mine)

    threads = [threading.Thread(target=work, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds * 2 + PATIENCE_S)
    if failures:
        raise failures[0]
    return summed(samples, begun_at + seconds * WARM_UP_SHARE)


def summed(samples: Sequence[tuple[float, float]], warm_at: float) -> Taken:
    """Sum up (begin, end) pairs; those that began before `warm_at` count only if all did."""
    counted = [pair for pair in samples if pair[0] >= warm_at] or list(samples)
    first, last = min(began for began, _ in counted), max(ended for _, ended in counted)
    return Taken(
        ops_per_s=len(counted) / (last - first),
        took_ms=[(ended - began) * 1000 for began, ended in counted],
    )


def one_by_one(took_ms: Sequence[float]) -> Taken:
    """Sum up times that were taken side by side, as if one operation had followed the other."""
    return Taken(ops_per_s=1000 * len(took_ms) / sum(took_ms), took_ms=took_ms)


def line(name: str, clients: int, taken: Taken, floor: Taken, **facts: float) -> Line:
    """Write the line of one case beside its floor."""
    return Line(
        name=name,
        clients=clients,
        ops_per_s=round(taken.ops_per_s, 1),
        p50_ms=round(percentile(taken.took_ms, 0.50), 2),
        p99_ms=round(percentile(taken.took_ms, 0.99), 2),
        floor_ratio=round(taken.ops_per_s / floor.ops_per_s, 3),
        facts=facts,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that a share of all values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


HEADS = ("case", "clients", "ops/s", "p50 ms", "p99 ms", "of floor", "with")


def table(lines: Sequence[Line]) -> str:
    """Write the lines as a table for a terminal, which is Markdown too."""
    rows = [HEADS, *map(_cells, lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    rule = "|".join(
        ["", *("-" * (width + 1) + (":" if n else "-") for n, width in enumerate(widths)), ""]
    )
    told = [_row(row, widths) for row in rows]
    return "\n".join([told[0], rule, *told[1:]])


def _cells(one: Line) -> tuple[str, ...]:
    facts = (f"{name} {value:g}" for name, value in one.facts.items())
    return (
        *(str(value) for name, value in asdict(one).items() if name != "facts"),
        ", ".join(facts),
    )


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return (
        " | ".join(["| " + first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])
        + " |"
    )
