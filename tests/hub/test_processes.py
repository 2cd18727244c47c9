"""The supervisor's rules, and the leash; how a whole house runs is in test_up."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import CommandError

from hub.management import house, processes
from hub.management.commands.up import roles_in
from hub.management.parts import ROLES, parts_of

LEASH = [sys.executable, "-I", "-S", str(processes.LEASH)]


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30), (999, 30)]
)
def test_the_delay_doubles_up_to_half_a_minute(failures, seconds):
    assert processes.delay_s(failures) == seconds


@pytest.mark.parametrize(
    ("code", "words"), [(0, "ended with 0"), (3, "ended with 3"), (-9, "was ended by SIGKILL")]
)
def test_how_a_program_ended_is_said_in_words(code, words):
    assert processes.how_it_ended(code) == words


def test_a_leashed_program_ends_with_its_parent():
    grandparent = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, subprocess, sys\n"
            f"leash = {LEASH!r} + [str(os.getpid()), '/bin/sleep', '60']\n"
            "child = subprocess.Popen(leash, stdout=subprocess.DEVNULL)\n"
            "import time; time.sleep(0.5); print(child.pid, flush=True); os._exit(9)",
        ],
        capture_output=True,
        check=False,
    )
    stat = Path(f"/proc/{int(grandparent.stdout)}/stat")
    deadline = time.monotonic() + 5

    while stat.exists() and ") Z " not in stat.read_text():
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.02)


def test_a_leash_whose_parent_is_gone_starts_nothing():
    done = subprocess.run([*LEASH, "1", "/bin/echo", "started"], capture_output=True, check=False)

    assert (done.returncode, done.stdout) == (1, b"")


HOSTILE = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
# A grandchild in a session of its own, which a process group would not reach.
subprocess.Popen(["/bin/sleep", "300"], start_new_session=True)
print("ready", flush=True)
signal.pause()
"""
SUPERVISED = """
import os, sys
from pathlib import Path
from hub.management.processes import Ending, Part, Supervisor
ending = Ending()
ending.listen()
part = Part(name="hostile", argv=(sys.executable, "-c", sys.argv[1]), env=os.environ, cwd=Path("/"))
Supervisor([part], ending, sys.stdout).run()
"""


def test_a_program_that_will_not_end_is_killed_with_all_below_it():
    root = Path(__file__).resolve().parent.parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, HOSTILE], cwd=root, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "| ready" not in (line := process.stdout.readline()):
            assert line, "it ended too early"
        below = descendants(process.pid)
        began = time.monotonic()
        process.terminate()
        process.wait(15)

    assert len(below) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in below)
    assert processes.GRACE_S - 0.5 < time.monotonic() - began < 10


def descendants(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            child = int(path.parent.name)
            found += [child, *descendants(child)]
    return found


def test_roles_are_taken_in_their_order_and_once():
    assert roles_in("beat, web,beat") == ["web", "beat"]


@pytest.mark.parametrize("text", ["", " , ", "web,daemon"])
def test_an_unknown_role_is_refused_with_the_known_ones(text):
    with pytest.raises(CommandError, match="known are web, jobs, sessions, beat, bell, transports"):
        roles_in(text)


def test_each_role_is_a_program_and_web_may_be_several(settings):
    settings.WEB_PROCESSES = 2

    names = [part.name for part in parts_of(list(ROLES), {}, 3)]

    assert names == ["web1", "web2", "jobs", "sessions", "beat", "bell", "transports"]


def test_workers_get_a_longer_statement_timeout_than_web():
    web, jobs = parts_of(["web", "jobs"], {}, 3)

    assert "PARLEY_STATEMENT_TIMEOUT_MS" not in web.env
    assert jobs.env["PARLEY_STATEMENT_TIMEOUT_MS"] == "60000"


def test_sessions_take_the_jobs_of_their_own_machine(settings):
    settings.PARLEY_TARGET = "attic"

    [part] = parts_of(["sessions"], {}, None)

    assert part.argv[part.argv.index("-Q") + 1] == "sessions.attic"


@pytest.mark.parametrize("bind", ["8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "x:65536"])
def test_an_address_that_is_none_is_refused(bind):
    with pytest.raises(CommandError, match="PARLEY_BIND must be host:port"):
        house.open_door(bind)


def test_an_address_of_another_machine_is_refused_in_words():
    with pytest.raises(CommandError, match=r"cannot listen on 192\.0\.2\.1:8000"):
        house.open_door("192.0.2.1:8000")


@pytest.mark.parametrize(("bind", "host"), [("127.0.0.1:0", "127.0.0.1:"), ("[::1]:0", "[::1]:")])
def test_an_open_door_tells_its_address(bind, host):
    with house.open_door(bind) as door:
        assert house.address_of(door).startswith(host)
        assert not house.address_of(door).endswith(":0")


def test_only_old_jobs_of_an_earlier_run_are_forgotten(tmp_path):
    queue = tmp_path / "broker" / "queue"
    queue.mkdir(parents=True)
    for name, age_s in (("old", house.OLD_JOB_S + 5), ("young", 1)):
        (queue / name).touch()
        os.utime(queue / name, (time.time() - age_s,) * 2)

    house.clear_broker(tmp_path)

    assert [path.name for path in queue.iterdir()] == ["young"]


def test_a_home_without_a_broker_is_left_alone(tmp_path):
    house.clear_broker(tmp_path)

    assert list(tmp_path.iterdir()) == []
