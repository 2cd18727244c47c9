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
# What a network has promised, with the number of its check.
OF_TRANSPORTS = {
    "T1 One order, right names, one copy",
    "T2 A backend that is down is waited for",
    "T3 A backend killed in a burst",
    "T4 Our process killed in a burst",
    "T5 A cut between write and answer on IRC",
    "T6 Lost answers of Zulip",
    "T7 Zulip's limits",
    "T8 A Matrix bot within its limits",
    "T9 An application service is not limited",
    "T10 One transaction id, one message",
    "T11 A repeat after a restart of Synapse",
    "T12 Pushes that fail and begin anew",
    "T13 A revoked token",
    "T14 An invalid cursor",
    "T15 Much that was missed",
    "T16 An encrypted room",
    "T17 A puppet that was put out",
    "T18 A reaction twice",
    "T19 A long document on Matrix",
    "T20 Lost queues of Zulip",
    "T21 Heartbeats alone",
    "T22 A lower id after a higher one",
    "T23 A key that is over",
    "T24 A renamed topic",
    "T25 Commands and wildcards of Zulip",
    "T26 Long text without a space",
    "T27 Hostile characters",
    "T28 Bad input from a server",
    "T29 A handler that raises",
    "T30 A nick in use",
    "T31 SASL refused",
    "T33 A flood of ours",
    "T34 A server that stands still",
    "T35 A limit of connections",
    "T36 A replay on joining",
    "T37 HistServ lines",
    "T38 WeeChat and irssi over TLS",
    "T39 A slow reader of the gateway",
    "T40 Our own echo",
    "T42 Duplicate delivery",
    "T43 Edits, deletions, reactions and replies",
    "T45 Two processes, one owner",
    "T48 No secret in a log",
    "T49 The web's socket drops",
    "T50 What is given up is told and can be sent again",
    "A ring of three networks",
    "T32 A real netsplit between two InspIRCd",
    "T41 Two hubs or a foreign bridge in one room are stopped by a budget",
    "T44 The same parts after a code restart on every network",
    "T46 Postgres restarted during traffic",
    "T47 Clocks that jump",
    "The rehearsal story by a person on each network alone",
    "SIGKILL in a burst of 200 on every network",
    "10,000 messages over three loopbacks and 300 over three real networks",
}


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
    assert rows().keys() | open_rows == PROMISED | OF_TRANSPORTS
