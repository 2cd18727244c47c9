"""Commands that try to outlive their end: two forks, a session of their own, no TERM (G23, G24)."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agents import processes, tools
from agents.processes import Child
from tests.agents.marks import Mark
from tests.hub.running import ROOT, wait_for

from .conftest import run

# Its grandchild leaves group and session, ignores every polite signal, and belongs to nobody.
HOSTILE = """
setsid sh -c 'trap "" TERM HUP INT; (setsid nohup {sleep} >/dev/null 2>&1 &) & (
    setsid sh -c "trap \\"\\" TERM HUP INT; {sleep} & {sleep}" >/dev/null 2>&1 &) & wait' &
sleep 0.3
"""
WORKER = """
    import sys
    from pathlib import Path
    import django
    django.setup()
    from agents import tools
    from agents.processes import RunAs
    path, home, uid, gid, command = sys.argv[1:]
    owner = RunAs(int(uid), int(gid)) if uid else None
    desk = tools.Workspace(path=Path(path), home=Path(home), owner=owner)
    tools.call(desk, "run_command", {"command": command})
"""


def hostile(mark: Mark, then: str = "") -> str:
    return HOSTILE.format(sleep=mark.sleep) + then


def in_background(desk: tools.Workspace, command: str) -> tuple[threading.Thread, list[Child]]:
    """Run a command in a thread; the list has the recorded process once it has one."""
    heard: list[Child] = []
    listening = replace(desk, on_start=heard.append)
    thread = threading.Thread(target=run, args=(listening, command))
    thread.start()
    return thread, heard


def test_nothing_of_a_hostile_command_is_left_when_it_has_ended(desk, mark):
    result = run(desk, hostile(mark, "echo done"))

    assert result.text == "done\n"
    assert mark.left() == []


def test_without_containment_it_outlives_its_command(bare, mark):
    run(bare, hostile(mark))

    assert len(mark.left()) >= 2


def test_nothing_is_left_of_one_that_ran_out_of_time(desk, mark):
    result = run(desk, hostile(mark, mark.sleep), timeout_s=1)

    assert result.exit_code is None
    assert mark.left() == []


def test_killing_the_recorded_process_ends_all_of_it_within_ten_seconds(desk, mark):
    thread, heard = in_background(desk, hostile(mark, mark.sleep))
    mark.wait(4)
    began = time.monotonic()

    assert processes.kill(heard[0])
    wait_for(lambda: not processes.is_running(heard[0]), "the end of its first process")
    left = mark.left()
    thread.join(timeout=10)

    assert left == []
    assert not thread.is_alive()
    assert time.monotonic() - began < 10


def test_without_containment_the_recorded_process_takes_only_its_group_along(bare, mark):
    thread, heard = in_background(bare, hostile(mark, mark.sleep))
    mark.wait(4)

    assert processes.kill(heard[0])
    wait_for(lambda: not processes.is_running(heard[0]), "the end of the leader")
    thread.join(timeout=10)

    assert len(mark.left()) >= 2


def test_the_recorded_process_is_the_first_of_a_namespace_of_its_own(desk, mark):
    thread, heard = in_background(desk, mark.sleep)
    (pid,) = mark.wait(1)

    first = status_of(heard[0].pid)["NSpid"].split()
    namespaces = {namespace_of(one) for one in (pid, heard[0].pid)}
    processes.kill(heard[0])
    thread.join(timeout=10)

    assert first == [str(heard[0].pid), "1"]
    assert len(namespaces) == 1
    assert namespaces != {namespace_of("self")}


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def namespace_of(pid: int | str) -> str:
    return str(Path(f"/proc/{pid}/ns/pid").readlink())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_worker_that_is_killed(desk, mark, number):
    owner = desk.owner
    ids = [str(owner.uid), str(owner.gid)] if owner else ["", ""]
    command = hostile(mark, mark.sleep)
    worker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER), desk.path, desk.home, *ids, command],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "hub.settings"},
    )
    mark.wait(4)

    worker.send_signal(number)
    worker.wait(timeout=10)
    began = time.monotonic()
    wait_for(lambda: not mark.left(), "the end of the command")

    assert time.monotonic() - began < 2
