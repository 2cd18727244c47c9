"""Commands that use up a machine: forks, files, memory, time. Small numbers stand for big ones."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from agents import boxes, cgroups, tools
from tests.agents.marks import Mark

from .conftest import run

MOST = 40
TRIED = 120
# A bomb with a counter: it cannot go on for ever, not even where nothing holds it.
BOMB = """
python3 -c '
import subprocess
for n in range({tried}):
    try: subprocess.Popen("{sleep}".split())
    except OSError: break
print(n + 1)'
"""
FORKS = ":() { : | : & }; :"  # the real one, only ever inside of two bounds


def bomb(mark: Mark) -> str:
    return BOMB.format(tried=TRIED, sleep=mark.sleep)


@pytest.fixture
def by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the control group bounds processes."""
    if not cgroups.process_words():
        pytest.skip("needs a control group that bounds processes")
    monkeypatch.setattr(cgroups, "MAX_PROCESSES", MOST)


@pytest.fixture
def by_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the limit of the agents' user bounds processes."""
    monkeypatch.setattr(cgroups, "bases", tuple)
    monkeypatch.setattr(boxes, "MAX_PROCESSES", MOST)


@pytest.mark.parametrize("bound", ["by_group", "by_user"])
def test_a_command_has_only_so_many_processes(desk, mark, request, bound):
    request.getfixturevalue(bound)

    result = run(desk, bomb(mark))

    assert int(result.text.split()[-1]) <= MOST
    assert mark.left() == []


def test_without_bounds_it_has_as_many_as_it_likes(bare, mark):
    result = run(bare, bomb(mark))

    assert result.text.split()[-1] == str(TRIED)


def test_a_fork_bomb_neither_goes_on_nor_keeps_others_from_starting(desk, by_group, monkeypatch):
    monkeypatch.setattr(boxes, "MAX_PROCESSES", 2 * MOST)

    result = run(desk, f"bash -c '{FORKS}; sleep 60'", timeout_s=2)

    assert result.exit_code is None or "fork" in result.text
    assert run(desk, "echo still here").text.split()[-2:] == ["still", "here"]
    assert owned_by(desk) == []


def owned_by(desk: tools.Workspace) -> list[int]:
    """Find the processes whose folder is the checkout."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            here = (folder / "cwd").readlink()
        except OSError:
            continue
        if here == desk.path:
            found.append(int(folder.name))
    return found


def test_a_file_of_ten_gigabytes_is_refused(desk):
    result = run(desk, "truncate -s 10G big")

    assert result.exit_code != 0
    assert (desk.path / "big").stat().st_size == 0


def test_without_bounds_it_is_made(desk):
    """Sparse, so that it takes no room."""
    subprocess.run(["truncate", "-s", "10G", desk.path / "big"], check=True)

    assert (desk.path / "big").stat().st_size == 10 * 1024**3


def test_a_file_grows_to_its_limit_and_no_further(desk, monkeypatch):
    monkeypatch.setattr(boxes, "MAX_WRITTEN_BYTES", 1 << 20)

    result = run(desk, "head -c 3000000 /dev/zero > big")

    assert result.exit_code != 0
    assert (desk.path / "big").stat().st_size == 1 << 20


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_what_is_memory_in_the_box_has_a_size(desk, monkeypatch, place):
    monkeypatch.setattr(boxes, "SCRATCH_BYTES", 1 << 20)

    result = run(desk, f"head -c 3000000 /dev/zero > {place}/big")

    assert result.exit_code != 0
    assert "No space" in result.text


EAT = "python3 -c 'x = bytearray(300_000_000); print(len(x))'"


def test_a_process_has_only_so_much_memory(desk, settings):
    settings.COMMAND_MEMORY_MB = 200

    result = run(desk, EAT)

    assert result.exit_code != 0
    assert "MemoryError" in result.text


def test_with_more_allowed_the_same_command_works(desk):
    assert run(desk, EAT).text == "300000000\n"


def test_descriptors_run_out(desk, monkeypatch):
    monkeypatch.setattr(boxes, "MAX_OPEN_FILES", 64)

    result = run(desk, "python3 -c 'x = [open(\"/dev/null\") for _ in range(100)]'")

    assert "Too many open files" in result.text


def test_a_program_that_burns_time_in_silence_ends(desk, monkeypatch):
    """The bound of the kernel's own, which holds when nobody watches any more."""
    monkeypatch.setattr(boxes, "CPU_GRACE_S", 0)
    monkeypatch.setattr(boxes.os, "cpu_count", lambda: 1)
    argv = boxes.limited(replace(desk.box(1), user=None), ["sh", "-c", "while :; do :; done"])

    done = subprocess.run(argv, env={"TMPDIR": str(desk.home / "tmp")}, timeout=60, check=False)

    assert done.returncode < 0
