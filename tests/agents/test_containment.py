"""Where commands may run: contained, allowed in words, Parley's own, or refused."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.checks import run_checks

from agents import boxes, cgroups, containment, tools
from agents.containment import SENTENCE
from agents.processes import RunAs
from hub.embedded.layout import EmbeddedError
from hub.errors import Unavailable
from hub.models import HOUSE, Event
from tests.conftest import require_program


@pytest.fixture(autouse=True)
def _look_anew() -> Iterator[None]:
    """What was found out before stands for this test no more, nor this test's for others."""
    for found in (containment.look, containment.user, boxes.options):
        found.cache_clear()
    yield
    for found in (containment.look, containment.user, boxes.options):
        found.cache_clear()


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without bubblewrap."""
    monkeypatch.setattr(boxes, "bubblewrap", lambda: None)


@pytest.fixture
def desk(tmp_path: Path) -> tools.Workspace:
    (tmp_path / "checkout").mkdir()
    return tools.Workspace(path=tmp_path / "checkout", home=tmp_path / "home")


def run(desk: tools.Workspace, command: str = "echo ran") -> str:
    return tools.call(desk, "run_command", {"command": command}).text


def test_without_bubblewrap_a_command_is_refused_and_says_what_helps(missing, desk):
    with pytest.raises(Unavailable) as refusal:
        run(desk, "echo x > ran")

    assert refusal.value.code == "containment.missing"
    assert "apt-get install bubblewrap" in refusal.value.message
    assert f'PARLEY_UNCONTAINED="{SENTENCE}"' in refusal.value.message
    assert not (desk.path / "ran").exists()
    with pytest.raises(Unavailable):
        tools.call(desk, "git_status", {})


def test_tools_that_start_no_program_work_all_the_same(missing, desk):
    tools.call(desk, "write_file", {"path": "a", "content": "x\n"})

    assert "x" in tools.call(desk, "read_file", {"path": "a"}).text


def test_an_operator_may_allow_it_in_words(missing, desk, settings):
    settings.PARLEY_UNCONTAINED = SENTENCE

    assert run(desk) == "ran\n"
    assert containment.look().words.startswith("Agents run without containment: bubblewrap is not")


def test_commands_that_parley_brings_along_run_all_the_same(missing, desk):
    assert run(replace(desk, is_our_own=True)) == "ran\n"
    assert "are refused, but for rehearsals" in containment.look().words


def test_the_permission_changes_nothing_where_containment_works(desk, settings):
    require_program("bwrap")
    settings.PARLEY_UNCONTAINED = SENTENCE

    shown = run(desk, "ls /proc | grep -c '^[0-9]'")

    assert int(shown) < 10
    assert containment.look().words.startswith("Agents' commands run contained by bubblewrap;")


def test_a_bubblewrap_that_cannot_run_counts_as_missing(monkeypatch, tmp_path, desk):
    broken = tmp_path / "bwrap"
    broken.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(boxes, "bubblewrap", lambda: str(broken))

    with pytest.raises(Unavailable) as refusal:
        run(desk)

    assert refusal.value.code == "containment.missing"
    assert "No permissions to create new namespace" in refusal.value.message


def test_a_box_that_cannot_be_made_is_an_error_and_no_result(desk):
    require_program("bwrap")

    with pytest.raises(Unavailable) as refusal:
        run(replace(desk, readable=(desk.path / "not-there",)))

    assert refusal.value.code == "containment.failed"
    assert "not-there" in refusal.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_root_without_a_user_for_agents_contains_nothing(monkeypatch, desk):
    require_program("bwrap")

    def none(*_args: object) -> None:
        raise EmbeddedError("There is no useradd. Make a system user.")

    monkeypatch.setattr(containment, "system_user", none)

    with pytest.raises(Unavailable) as refusal:
        run(desk)

    assert "There is no useradd" in refusal.value.message


def test_who_is_not_root_runs_agents_as_himself(monkeypatch):
    monkeypatch.setattr(containment.os, "geteuid", lambda: 1000)

    assert containment.user() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_without_containment_root_still_runs_agents_as_their_user(missing, tmp_path):
    path = tmp_path / "checkout"
    path.mkdir()
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o001)
    owner = containment.user()
    assert owner
    os.chown(path, owner.uid, owner.gid)
    desk = tools.Workspace(path=path, home=tmp_path / "home", owner=owner, is_our_own=True)

    assert run(desk, "id -u; ulimit -p") == f"{owner.uid}\n{boxes.MAX_PROCESSES}\n"


def test_what_does_not_bound_says_so(missing, monkeypatch):
    monkeypatch.setattr(cgroups, "bases", tuple)
    monkeypatch.setattr(containment.os, "geteuid", lambda: 1000)

    holding = containment.look()

    assert holding.processes == "not bounded"
    assert "not bounded in all" in holding.memory


@pytest.mark.parametrize("said", ["yes", "1", SENTENCE.title(), f"{SENTENCE}."])
def test_any_other_words_are_no_permission_and_fail_a_check(settings, said):
    settings.PARLEY_UNCONTAINED = said

    assert not containment.is_allowed()
    assert [found.id for found in run_checks() if found.id.startswith("agents.")] == ["agents.E001"]


@pytest.mark.parametrize("said", ["", SENTENCE])
def test_the_words_and_nothing_pass_the_check(settings, said):
    settings.PARLEY_UNCONTAINED = said

    assert [found for found in run_checks() if found.id.startswith("agents.")] == []


def test_a_start_without_containment_is_in_the_log_of_the_house(db, missing, settings):
    settings.PARLEY_UNCONTAINED = SENTENCE

    said = containment.report()

    event = Event.objects.filter(project_id=HOUSE, name="target.uncontained").get()
    assert event.facts == {"allowed": True, "target": settings.PARLEY_TARGET}
    assert "without containment" in said


def test_old_bubblewraps_are_asked_only_for_what_they_know(monkeypatch, tmp_path):
    old = tmp_path / "bwrap"
    old.write_text("#!/bin/sh\necho '--unshare-user --tmpfs DEST'\n")
    old.chmod(0o755)
    monkeypatch.setattr(boxes, "bubblewrap", lambda: str(old))
    monkeypatch.setattr(boxes.os, "geteuid", lambda: 1000)

    argv = boxes.wrapped(boxes.Box(path=tmp_path, writable=()), ["true"], status_fd=3)

    assert "--unshare-user" in argv
    assert not {"--size", "--disable-userns"} & set(argv)


def test_folders_are_mounted_before_what_lies_in_them(tmp_path):
    require_program("bwrap")
    outer, inner = tmp_path, tmp_path / "a" / "b"
    box = boxes.Box(path=inner, writable=(inner, outer), user=RunAs(1, 1))

    argv = boxes.wrapped(box, ["true"], status_fd=3)

    assert argv.index(str(outer)) < argv.index(str(inner))
    assert argv.index("/tmp") < argv.index(str(outer))
