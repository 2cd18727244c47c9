"""Every fault point: a worker dies there, the next one goes on, and nothing shows it."""

import ast
import json
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from agents import jobs
from hub import faults

from .children import ROOT
from .conftest import House
from .whole import interrupted, troubles

STARTED = time.monotonic()
RUNS = int(os.environ.get("PARLEY_CHAOS_RUNS", "0"))  # of each point; `make chaos` sets it
MINUTES = float(os.environ.get("PARLEY_CHAOS_MINUTES", "60"))
PLAY = "tests.chaos.playing:play"
# In CI each story has several deaths, in the order in which it passes the points: commands of
# messages come first, and a merge last. So each of the four points of a call is in its own story.
STORIES = 7
ORDER = sorted(faults.POINTS, key=lambda point: not point.startswith("message."))


@pytest.mark.parametrize("story", range(STORIES))
def test_whoever_dies_at_a_fault_point_leaves_nothing_twice_or_undone(
    house: House, story: int
) -> None:
    for point in ORDER[story::STORIES]:
        code = house.nursery.run(PLAY, fault=f"{point}:1", **house.where)
        assert code == faults.EXIT_CODE, f"{point}: {house.nursery.said()}"

    code = house.nursery.run(PLAY, **house.where)

    assert code == 0, house.nursery.said()
    assert troubles(house.stage) == []
    assert interrupted() == []


@pytest.mark.chaos
@pytest.mark.parametrize("point", faults.POINTS)  # varies first: time ends in the later passes
@pytest.mark.parametrize("number", range(1, RUNS + 1))
def test_a_worker_dies_at_every_pass_of_every_point(house: House, point: str, number: int) -> None:
    if time.monotonic() - STARTED > MINUTES * 60:
        over = pytest.fail if number == 1 else pytest.skip
        over(f"the {MINUTES:g} minutes are over")

    code = house.nursery.run(PLAY, fault=f"{point}:{number}", **house.where)
    if code == 0:
        pytest.skip(f"the story passes {point} fewer than {number} times")
    assert code == faults.EXIT_CODE, house.nursery.said()
    code = house.nursery.run(PLAY, **house.where)

    assert code == 0, house.nursery.said()
    assert troubles(house.stage) == []
    assert interrupted() == []


def test_the_story_passes_every_point(house: House, tmp_path: Path) -> None:
    into = tmp_path / "passes.json"

    code = house.nursery.run("tests.chaos.playing:count_points", into=str(into), **house.where)

    assert code == 0, house.nursery.said()
    passes = Counter(json.loads(into.read_text()))
    assert {point for point in faults.POINTS if not passes[point]} == set()
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

    used.update(point for point, _, _ in jobs.DUTIES)

    assert used == dict.fromkeys(faults.POINTS, 1)
