"""docs/acceptance.md: every row has a test that exists, and what has none is said."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "acceptance.md").read_text(encoding="utf-8")
TABLES, _, OPEN = TEXT.partition("## Not shown yet")
ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<tests>[^|]*) \|$", re.MULTILINE)
NODE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
HEAD = {"Must hold", "---"}

# What the work on sessions has promised; the rows are named as there.
PROMISED = {
    "Session state machine", "Objective state machine", "Question delivery", "Workspace lock",
    "Manager exemption", "Dependencies", "Loop guards", "Supervisor", "Steering live",
    "Steering by resume", "Cancel (local)", "Restart recovery", "Compact context", "Hand-off",
    "Review gate", "Done gate", "Transcript API", "Small dashboard", "Scratch", "Freshness",
    "Reclaim", "Names", "TASK:", "Event wake", "Idle cost", "Idle judge", "Shift change",
    "Three-strike loop", "Workflow gates", "Questions", "Escalation rule", "Errors channel",
    "Failure domains", "History/snapshot", "Roles & rights", "Secrets", "End to end",
    "Every fault point once: nothing twice, nothing undone", "No fault point is forgotten",
    "A death at each of the first twenty passes of every point, in `make chaos`",
    "Workers race while frozen, thawed and killed",
    "A stale write is refused, and would be seen", "Every job is delivered twice",
    "The story with the anthropic provider on the fake API", "Hostile pack",
    "One hour of silence",
}  # fmt: skip


def rows() -> dict[str, str]:
    found = {match["what"]: match["tests"] for match in ROW.finditer(TABLES)}
    return {what: tests for what, tests in found.items() if what not in HEAD}


def names_in(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in nodes if isinstance(node, kinds)} if path.is_file() else set()


def test_every_row_names_tests_that_exist():
    wrong = {}
    for what, cell in rows().items():
        named = NODE.findall(cell)
        missing = [
            f"{path}::{name}"
            for path, name in named
            if not (ROOT / path).is_file() or name not in names_in(ROOT / path)
        ]
        if not named or missing:
            wrong[what] = missing

    assert wrong == {}


def test_what_was_promised_is_shown_or_said_to_be_missing():
    open_rows = set(re.findall(r"^- (.+)$", OPEN, re.MULTILINE))

    assert rows().keys() & open_rows == set()
    assert rows().keys() | open_rows == PROMISED
