"""Git killed at any moment leaves nothing that blocks, and nothing broken (G29)."""

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from agents.git import repository
from agents.git.checkouts import create_checkout
from agents.git.trees import take_tree
from tests.agents.repositories import RAMONA, Office, Person

ROUNDS = 8
WRITER = """
import sys
from pathlib import Path
from agents.git import repository, trees
from tests.agents.repositories import RAMONA
bare, checkout, branch = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
for number in range(1_000):
    (checkout / "counter.txt").write_text(f"{sys.argv[4]} {number}")
    tree = trees.take_tree(bare, checkout, branch)
    repository.commit(
        bare, branch, tree.sha, message="Count", author=RAMONA, expected=tree.tip
    )
    print(number, flush=True)
"""
BRANCH = "parley/7-count-words"


def work(office: Office, number: int, failures: list[Exception]) -> None:
    """Commit three times on a branch of one's own."""
    branch = f"parley/{number}-own"
    checkout = office.checkout.parent / str(number)
    try:
        create_checkout(office.bare, checkout, branch=branch, base="main")
        for step in range(3):
            (checkout / "file.txt").write_text(f"{number} {step}")
            tree = take_tree(office.bare, checkout, branch)
            repository.commit(
                office.bare, branch, tree.sha, message="Step", author=RAMONA, expected=tree.tip
            )
    except Exception as error:  # noqa: BLE001 - what a thread raises is shown by the test
        failures.append(error)


def settle(bare: Path) -> None:
    """Wait for the git processes of a killed writer, which have a process group of their own."""
    while any(str(bare).encode() in environment for environment in environments()):
        time.sleep(0.02)


def environments() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            yield path.read_bytes()


def test_many_agents_work_on_one_repository_at_once(office: Office):
    failures: list[Exception] = []
    threads = [threading.Thread(target=work, args=(office, n, failures)) for n in range(20, 28)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    hub = Person(office.bare)
    assert failures == []
    assert {hub.git("rev-list", "--count", f"main..parley/{n}-own") for n in range(20, 28)} == {"3"}
    assert hub.git("fsck", "--strict", "--no-dangling") == ""


def test_a_writer_killed_again_and_again_leaves_a_sound_repository(office: Office):
    chance = random.Random(7)
    for round_number in range(ROUNDS):
        command = [sys.executable, "-c", WRITER, str(office.bare), str(office.checkout), BRANCH]
        with subprocess.Popen(
            [*command, str(round_number)],
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.random() / 5)
            writer.kill()
        settle(office.bare)
    minute_ago = time.time() - 61
    for lock in office.bare.rglob("*.lock"):
        os.utime(lock, (minute_ago, minute_ago))

    tip = office.commit({"after.txt": "after"})

    hub = Person(office.bare)
    assert repository.branch_tip(office.bare, BRANCH) == tip
    assert int(hub.git("rev-list", "--count", f"main..{BRANCH}")) >= ROUNDS + 1
    assert hub.git("fsck", "--strict", "--no-dangling") == ""
