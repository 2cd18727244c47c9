"""Workers race for sessions while they are frozen, thawed and killed."""

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import connection

from agents.actions import sessions
from agents.models import Session, Step, ToolCall, Turn, Workspace
from agents.models.sessions import CallState
from hub import faults, identify
from hub.actions import events, tasks
from hub.models import Run
from hub.models.projects import project_lock

from .conftest import House
from .racing import ALONE, DONE, facts_of

IS_CHAOS = "PARLEY_CHAOS_RUNS" in os.environ
WORKERS, SESSIONS = (20, 200) if IS_CHAOS else (4, 60)
PATIENCE_S = 1_200 if IS_CHAOS else 600
LINES_APART = 9  # of the run log, between two blows
SEED = 20_260
WITNESS = """
CREATE TABLE parley_test.witness (said text, epoch int, ended boolean);
CREATE FUNCTION parley_test.witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO parley_test.witness
    SELECT NEW.text, run.epoch, run.ended_at IS NOT NULL FROM agents_turn turn
    JOIN agents_session session ON session.id = turn.session_id
    JOIN hub_run run ON run.id = session.run_id WHERE turn.id = NEW.turn_id;
  RETURN NEW;
END $$;
CREATE TRIGGER witness BEFORE INSERT ON agents_step
  FOR EACH ROW EXECUTE FUNCTION parley_test.witness();
"""
DISMISS = """
DROP TRIGGER witness ON agents_step;
DROP FUNCTION parley_test.witness;
DROP TABLE parley_test.witness;
"""


@pytest.fixture
def witness(db: None) -> Iterator[None]:
    """Let the database itself note which epoch a session had when an answer was stored."""
    with connection.cursor() as cursor:
        cursor.execute(WITNESS)
    yield
    with connection.cursor() as cursor:
        cursor.execute(DISMISS)


def cast_sessions(house: House, count: int) -> None:
    """Start pairs of implementers: two sessions want the same checkout."""
    project = house.stage.project
    with project_lock(project.pk) as lock:
        hub = identify.of_hub(project.pk).at(lock.now)
        person = house.stage.person.at(lock.now)  # only people start workers out of their phase
        for number in range(1, count // 2 + 1):
            tasks.open_task(hub, f"Count the words of page {number}")
            for _ in range(2):
                sessions.start(person, "implementer", task=number)


def stale_answers() -> list[str]:
    """List the answers that were stored for an epoch which was over."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT said, epoch, ended FROM parley_test.witness")
        rows = cursor.fetchall()
    assert rows
    return [said for said, epoch, ended in rows if ended or facts_of(said)[1] != epoch]


def runners(log: Path) -> dict[tuple[int, int], set[int]]:
    """Read the run log: which processes ran a session in an epoch."""
    found: dict[tuple[int, int], set[int]] = {}
    for line in log.read_text().splitlines():
        session, epoch, pid = facts_of(line)
        found.setdefault((session, epoch), set()).add(pid)
    return found


@dataclass
class Harassment:
    """Freezes, thaws and kills workers, as often as they get on; a killed one is replaced.

    Bound to their progress and not to time, it is the same on a busy machine.
    """

    house: House
    log: Path
    pids: list[int]
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))
    thaw_at: dict[int, float] = field(default_factory=dict)
    seen: int = 0
    frozen: int = 0
    killed: int = 0

    def run(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.pids and time.monotonic() < deadline:
            self.collect()
            self.thaw()
            lines = self.log.read_text().count("\n") if self.log.exists() else 0
            if lines >= self.seen + LINES_APART and len(self.awake()) > 1:
                self.seen = lines
                self.hit(self.dice.choice(self.awake()))
            time.sleep(0.05)
        assert not self.pids, f"{len(self.pids)} are not done: {self.house.nursery.said()}"

    def awake(self) -> list[int]:
        return [pid for pid in self.pids if pid not in self.thaw_at]

    def collect(self) -> None:
        for pid in self.awake():
            code = self.house.nursery.wait(pid, 0)
            if code is not None:
                assert code == 0, self.house.nursery.said()
                self.pids.remove(pid)

    def thaw(self) -> None:
        for pid in [pid for pid, at in self.thaw_at.items() if time.monotonic() > at]:
            self.house.nursery.signal(pid, signal.SIGCONT)
            del self.thaw_at[pid]

    def hit(self, pid: int) -> None:
        if self.dice.random() < 0.5:
            self.house.nursery.signal(pid, signal.SIGSTOP)
            self.thaw_at[pid] = time.monotonic() + self.dice.uniform(0.3, 2.5)
            self.frozen += 1
            return
        self.house.nursery.signal(pid, signal.SIGKILL)
        assert self.house.nursery.wait(pid) == -signal.SIGKILL
        self.pids.remove(pid)
        self.pids.append(start(self.house, self.log))
        self.killed += 1


def start(house: House, log: Path) -> int:
    arguments = {"home": str(house.home), "log": str(log), "seconds": PATIENCE_S}
    return house.nursery.start("tests.chaos.racing:race", **arguments)


def test_workers_that_are_frozen_and_killed_never_run_a_session_together(
    house: House, witness: None, tmp_path: Path
) -> None:
    log = tmp_path / "run.log"
    cast_sessions(house, SESSIONS)

    harassment = Harassment(house, log, [start(house, log) for _ in range(WORKERS)])
    harassment.run()

    assert harassment.frozen >= 3
    assert harassment.killed >= 3
    ran = runners(log)
    assert {pair: pids for pair, pids in ran.items() if len(pids) > 1} == {}
    assert len({session for session, _ in ran}) == SESSIONS
    assert stale_answers() == []
    assert not ToolCall.objects.filter(exit_code=ALONE).exists()
    assert not ToolCall.objects.filter(state__in=[CallState.PLANNED, CallState.BEGUN]).exists()
    last = Step.objects.filter(text__endswith=DONE).values_list("turn__session", flat=True)
    assert len(last) == len(set(last)) == SESSIONS
    assert Turn.objects.filter(session__role="implementer").count() == SESSIONS
    assert not Run.objects.filter(lease_until__isnull=False).exists()
    assert not Workspace.objects.filter(writer__isnull=False).exists()
    assert events.verify(house.stage.project.pk) is None


@pytest.mark.parametrize("fenced", [True, False])
def test_a_frozen_worker_that_thaws_writes_nothing_and_the_witness_would_see_it(
    house: House, witness: None, tmp_path: Path, fenced: bool
) -> None:
    log = tmp_path / "run.log"
    row = house.set.start("tester")
    where = {"home": str(house.home), "log": str(log), "fenced": fenced}
    first = house.nursery.start("tests.chaos.racing:stalled", seconds=2.0, **where)
    wait_for_lines(log, 1)
    house.nursery.signal(first, signal.SIGSTOP)
    time.sleep(1.2)  # the lease is a second
    second = house.nursery.start("tests.chaos.racing:stalled", seconds=4.0, **where)
    wait_for_lines(log, 2)

    house.nursery.signal(first, signal.SIGCONT)

    codes = {house.nursery.wait(first), house.nursery.wait(second)}
    assert set(runners(log)) >= {(row.pk, 1), (row.pk, 2)}
    if fenced:
        assert stale_answers() == []
        assert codes == {0}, house.nursery.said()
        assert Step.objects.count() == 1
    else:
        assert stale_answers() != []  # the control: without the fence it is caught


def wait_for_lines(log: Path, count: int) -> None:
    deadline = time.monotonic() + 30
    while not log.exists() or log.read_text().count("\n") < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_environment_can_let_any_program_die(house: House) -> None:
    import subprocess
    import sys

    told = "import django; django.setup(); from hub import faults; faults.passed('turn.claimed')"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "hub.settings"}

    done = subprocess.run(
        [sys.executable, "-c", told], env={**environment, "PARLEY_FAULT": "turn.claimed:1"}
    )
    wrong = subprocess.run(
        [sys.executable, "-c", told],
        env={**environment, "PARLEY_FAULT": "turn.clamed:1"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == faults.EXIT_CODE
    assert "there is no fault point 'turn.clamed'" in wrong.stderr
    assert Session.objects.count() == 0
