"""What hostile agents meet: a box as in life, and for the controls a way without it."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from agents import cgroups, containment, example_repository, tools
from agents.containment import Holding
from agents.git import checkouts
from tests.conftest import require_program

NOTHING = Holding(trouble="the test says so", processes="not bounded", memory="not bounded")


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    """The hub's home with a secret key, which other users may pass through, as in life."""
    for folder in (tmp_path, *tmp_path.parents):
        if os.geteuid() == folder.stat().st_uid and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o001)
    settings.PARLEY_HOME = tmp_path / "hub"
    settings.PARLEY_HOME.mkdir(mode=0o711)
    (settings.PARLEY_HOME / "secret-key").write_text("the-hubs-secret-key")
    return settings.PARLEY_HOME


def desk_in(home: Path, name: str) -> tools.Workspace:
    path = home / "checkouts" / name / "1-task"
    example_repository.make(path)
    owner = containment.user()
    if owner:
        checkouts.give(path, owner)
    return tools.Workspace(path=path, home=path.parent / "1-task.home", owner=owner)


@pytest.fixture
def desk(home: Path) -> tools.Workspace:
    """A checkout of the project moon, whose commands are contained; needs bwrap."""
    require_program("bwrap")
    assert containment.look().is_contained, containment.look().words
    return desk_in(home, "moon")


@pytest.fixture
def bare(desk: tools.Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[tools.Workspace]:
    """The same checkout where nothing contains its commands, for the control of a test.

    What a hub without care would do: its own user and environment, no namespaces, no groups.
    """
    monkeypatch.setattr(containment, "look", lambda: NOTHING)
    monkeypatch.setattr(cgroups, "bases", tuple)
    yield replace(desk, owner=None, is_our_own=True)
    if desk.owner:
        subprocess.run(["chown", "-R", f"{desk.owner.uid}:{desk.owner.gid}", desk.path], check=True)


def run(desk: tools.Workspace, command: str, **more: int) -> tools.ToolResult:
    return tools.call(desk, "run_command", {"command": command, **more})
