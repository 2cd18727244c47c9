"""Every fault point: a worker dies there, the next one goes on, and nothing shows it."""

import ast
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from hub import faults

from .children import ROOT
from .conftest import House
from .whole import interrupted, troubles

RUNS = int(os.environ.get("PARLEY_CHAOS_RUNS", "1"))
# In CI the pass that means most; `make chaos` tries twenty of each.
CHOSEN = {"call.begun": 2, "call.started": 1, "call.done": 7, "call.stored": 9, "turn.answered": 4}


def passes_of(point: str) -> list[int]:
    return [CHOSEN.get(point, 1)] if RUNS == 1 else list(range(1, RUNS + 1))


@pytest.mark.parametrize(
    ("point", "number"), [(point, number) for point in faults.POINTS for number in passes_of(point)]
)
def test_a_worker_that_dies_at_a_point_leaves_nothing_twice_or_undone(
    house: House, point: str, number: int
) -> None:
    code = house.nursery.run("tests.chaos.playing:play", fault=f"{point}:{number}", **house.where)
    if code == 0 and RUNS > 1:
        pytest.skip(f"the story passes {point} fewer than {number} times")
    assert code == faults.EXIT_CODE, house.nursery.said()

    code = house.nursery.run("tests.chaos.playing:play", **house.where)

    assert code == 0, house.nursery.said()
    assert troubles(house.stage) == []
    assert interrupted() == []


def test_the_story_passes_every_point(house: House, tmp_path: Path) -> None:
    into = tmp_path / "passes.json"

    code = house.nursery.run("tests.chaos.playing:count_points", into=str(into), **house.where)

    assert code == 0, house.nursery.said()
    passes = Counter(json.loads(into.read_text()))
    assert {point for point in faults.POINTS if not passes[point]} == set()
    assert {point for point, number in CHOSEN.items() if passes[point] < number} == set()
    assert troubles(house.stage) == []


def test_the_points_of_the_code_are_the_declared_ones() -> None:
    used = Counter(
        node.args[0].value
        for app in ("hub", "agents")
        for path in (ROOT / app).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "faults.passed"
        if isinstance(node.args[0], ast.Constant)
    )

    assert used == dict.fromkeys(faults.POINTS, 1)
