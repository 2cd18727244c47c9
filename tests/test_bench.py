"""The bench as a command: every case is there, with numbers that can be compared."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from bench import measure
from bench.crowd import Seen
from bench.measure import Taken

pytestmark = pytest.mark.xdist_group("bench")  # one run for all

FIELDS = {"name", "clients", "ops_per_s", "p50_ms", "p99_ms", "floor_ratio", "facts"}
TINY = ("--seconds", "0.1", "--readers", "1,3", "--wakes", "4", "--agents", "3", "--cards", "45")
WINDOW_S = 0.5
QUERIES_MAX = 8
PATIENCE_S = 300

Lines = dict[tuple[str, int], dict[str, Any]]


@pytest.fixture(scope="module")
def lines() -> Lines:
    """What a run of everything, as small as can be, prints: name and clients to the line."""
    rest = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "--json", *TINY],
        env={**rest, "PARLEY_COALESCE_S": str(WINDOW_S)},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    return {(line["name"], line["clients"]): line for line in json.loads(done.stdout)}


def test_the_bench_prints_every_case_as_a_list(lines: Lines) -> None:
    assert all(set(line) == FIELDS for line in lines.values())
    for name in ("http post", "http claim", "http inbox", "process post", "floor post"):
        assert {(name, 1), (name, 8)} <= lines.keys()
    assert {("fanout 1", 1), ("fanout 3", 3)} <= lines.keys()
    assert all(line["ops_per_s"] > 0 for line in lines.values())
    assert all(line["p50_ms"] <= line["p99_ms"] for line in lines.values())


def test_a_wake_up_names_the_window_that_it_waits_out(lines: Lines) -> None:
    wake, past = lines["wake", 1], lines["wake past window", 1]

    assert wake["facts"] == {"window_s": WINDOW_S}
    assert wake["p50_ms"] >= WINDOW_S * 1000
    assert past["p50_ms"] == pytest.approx(wake["p50_ms"] - WINDOW_S * 1000, abs=0.1)
    assert 0 < lines["floor wake", 1]["p50_ms"] < wake["p50_ms"]


def test_many_agents_take_their_turns_and_the_database_has_its_share(lines: Lines) -> None:
    turn, floor = lines["turn", 3], lines["floor turn", 4]

    facts = turn["facts"]
    assert facts["slots"] == 4
    assert 0 <= facts["lock_share"] <= facts["database_share"] <= 1
    assert facts["database_share"] > 0
    assert turn["ops_per_s"] < floor["ops_per_s"]


def test_the_team_page_is_counted(lines: Lines) -> None:
    page = lines["team page", 1]

    assert page["facts"]["agents"] == 45
    assert 0 < page["facts"]["queries"] <= QUERIES_MAX
    assert lines["floor team page", 1]["p50_ms"] < page["p50_ms"]


def test_times_taken_side_by_side_count_as_if_one_followed_the_other() -> None:
    assert measure.one_by_one([100.0, 300.0]) == Taken(ops_per_s=5.0, took_ms=[100.0, 300.0])


def test_the_table_shows_what_a_line_is_to_be_read_with() -> None:
    taken = Taken(ops_per_s=10.0, took_ms=[100.0])

    table = measure.table(
        [measure.line("wake", 1, taken, taken, window_s=2.0), measure.line("x", 1, taken, taken)]
    )

    assert table.splitlines()[2].endswith("| window_s 2 |")
    assert [row.count("|") for row in table.splitlines()] == [8, 8, 8, 8]


def test_the_shares_are_those_of_the_turns() -> None:
    seen = Seen(statements=3, waiting=1, turns=10)

    assert seen.shares() == {"database_share": 0.3, "lock_share": 0.1}
    assert Seen().shares() == {"database_share": 0.0, "lock_share": 0.0}
