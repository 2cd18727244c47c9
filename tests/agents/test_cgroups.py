"""Control groups: found where they may be made, limited, entered, and removed again."""

import os
from pathlib import Path

import pytest

from agents import boxes, cgroups, processes
from agents.cgroups import Base, Hierarchy
from agents.processes import Limits, Setting

NORMAL = Limits(timeout_s=20, head_bytes=10_000)
V1_MOUNTS = """\
31 24 0:26 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
32 24 0:27 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
33 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
34 24 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
35 24 0:30 / / rw,relatime - ext4 /dev/vda rw
"""
V1_OWN = "8:pids:/\n4:memory:/somebody/elses\n2:cpu,cpuacct:/\n0::/\n"


def test_version_one_has_a_tree_for_each_controller():
    found = cgroups.hierarchies(V1_MOUNTS, V1_OWN)

    assert [(one.mount.name, one.own, set(one.controllers)) for one in found] == [
        ("pids", "/", {"pids"}),
        ("memory", "/somebody/elses", {"memory"}),
    ]
    assert not any(one.is_v2 for one in found)


def test_version_two_has_one_tree(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids\n")
    mounts = f"30 24 0:26 / {tmp_path} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

    (found,) = cgroups.hierarchies(mounts, "0::/parley.service\n")

    assert found == Hierarchy(
        mount=tmp_path,
        controllers=frozenset({"memory", "pids"}),
        own="/parley.service",
        is_v2=True,
    )


def place(tmp_path: Path, own: str, *, is_v2: bool = False) -> Hierarchy:
    return Hierarchy(
        mount=tmp_path, controllers=frozenset({"memory", "pids"}), own=own, is_v2=is_v2
    )


def test_in_a_group_that_somebody_else_made_none_are_made(tmp_path):
    assert cgroups.find_base(place(tmp_path, "/somebody/elses"), "") is None
    assert list(tmp_path.iterdir()) == []


def test_in_the_group_that_the_operator_names_they_are_made(tmp_path):
    (tmp_path / "parley.slice").mkdir()

    found = cgroups.find_base(place(tmp_path, "/somebody/elses"), "/parley.slice")

    assert found
    assert found.folder == tmp_path / "parley.slice" / cgroups.NAME


def test_where_nothing_can_be_written_there_are_none(tmp_path):
    assert cgroups.find_base(place(tmp_path / "not-there", "/"), "") is None


def test_version_two_hands_its_controllers_down(tmp_path):
    found = cgroups.find_base(place(tmp_path, "/", is_v2=True), "")

    assert found
    for folder in (tmp_path, found.folder):
        assert (folder / "cgroup.subtree_control").read_text() == "+memory +pids"


@pytest.mark.parametrize(
    ("is_v2", "memory"), [(True, "memory.max"), (False, "memory.limit_in_bytes")]
)
def test_the_limits_have_the_names_of_their_version(tmp_path, settings, is_v2, memory):
    settings.COMMAND_MEMORY_MB = 100
    base = Base(folder=tmp_path, controllers=frozenset({"memory", "pids"}), is_v2=is_v2)

    assert dict(base.limits()) == {"pids.max": boxes.MAX_PROCESSES, memory: 104_857_600}


def test_a_program_enters_its_groups_before_it_begins(tmp_path):
    folders = (tmp_path / "one", tmp_path / "two")
    for folder in folders:
        folder.mkdir()
    setting = Setting(cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    enter = cgroups.Group(folders=folders).enter

    done = processes.run([*enter, "echo", "a b", "c"], setting, NORMAL)

    assert done.output == b"a b c\n"
    assert [(folder / "cgroup.procs").read_text() for folder in folders] == ["0\n", "0\n"]


def test_a_program_that_cannot_enter_does_not_begin(tmp_path):
    setting = Setting(cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    enter = cgroups.Group(folders=(tmp_path / "gone",)).enter

    done = processes.run([*enter, "echo", "begun"], setting, NORMAL)

    assert done.exit_code == 71
    assert done.output == b""


@pytest.fixture
def real() -> Base:
    """A place on this machine where groups that count processes can be made."""
    for base in cgroups.bases():
        if "pids" in base.controllers:
            return base
    pytest.skip("needs a control group that bounds processes")


def test_a_command_runs_in_groups_of_its_own_which_are_gone_afterwards(real):
    setting = Setting(cwd=Path("/"), env={"PATH": os.environ["PATH"]})

    with cgroups.group() as group:
        name = group.folders[0].name
        done = processes.run([*group.enter, "cat", "/proc/self/cgroup"], setting, NORMAL)
        most = (group.folders[0] / "pids.max").read_text()

    assert f"/{cgroups.NAME}/{name}".encode() in done.output
    assert most == f"{boxes.MAX_PROCESSES}\n"
    assert not (real.folder / name).exists()


def test_groups_of_a_hub_that_was_killed_are_removed_and_those_of_others_stay(real):
    pid_max = int(Path("/proc/sys/kernel/pid_max").read_text())
    left, living = real.folder / f"{pid_max + 1}-1", real.folder / f"{os.getpid()}-before"
    for folder in (left, living):
        folder.mkdir()

    cgroups.sweep(real.folder)

    stays = living.exists()
    living.rmdir()
    assert not left.exists()
    assert stays
