"""The bench as a command: every case is there, with numbers that can be compared."""

import json
import os
import subprocess
import sys

FIELDS = {"name", "clients", "ops_per_s", "p50_ms", "p99_ms", "floor_ratio"}


def test_the_bench_prints_every_case_as_a_list() -> None:
    rest = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    argv = ["manage.py", "bench", "--json", "--seconds", "0.1", "--readers", "1,3"]

    done = subprocess.run(
        [sys.executable, *argv], env=rest, capture_output=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    lines = json.loads(done.stdout)
    found = {(line["name"], line["clients"]) for line in lines}
    assert all(set(line) == FIELDS for line in lines)
    for name in ("http post", "http claim", "http inbox", "process post", "floor post"):
        assert {(name, 1), (name, 8)} <= found
    assert {("fanout 1", 1), ("fanout 3", 3)} <= found
    assert all(line["ops_per_s"] > 0 and line["p50_ms"] <= line["p99_ms"] for line in lines)
