"""`manage.py rehearse --repo … --provider anthropic`: a real team on somebody's own repository."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from .fake_messages import KEY, FakeMessages
from .fake_team import team
from .test_rehearse_command import LEFT_OUT, ROOT

WHO = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
CHECK = "test -f README"


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *WHO, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A repository with one commit on a branch called trunk, and a remote it was pushed to."""
    folder, remote = tmp_path / "tiny", tmp_path / "remote.git"
    folder.mkdir()
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    git(folder, "init", "--quiet", "--initial-branch=trunk")
    (folder / "README").write_text("Says hello.\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Begin")
    git(folder, "remote", "add", "origin", str(remote))
    git(folder, "push", "--quiet", "origin", "trunk")
    return folder


@pytest.fixture
def playing(monkeypatch: pytest.MonkeyPatch):
    with FakeMessages(player=team(monkeypatch)) as api:
        yield api


def rehearse(api: FakeMessages, said: str, *options: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    environment |= {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": api.url}
    return subprocess.run(
        [sys.executable, "manage.py", "rehearse", "--provider", "anthropic", *options],
        cwd=ROOT,
        env=environment,
        input=said,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )


def test_a_team_merges_into_the_base_branch_after_a_yes(tiny: Path, playing: FakeMessages) -> None:
    before = git(tiny, "rev-parse", "trunk")

    done = rehearse(
        playing,
        "2\nperhaps\ndiff\nyes\n",
        *("--repo", str(tiny), "--objective", "Say hello.", "--check", CHECK, "--timeout", "500"),
    )

    words = done.stdout[-3_000:] + done.stderr[-3_000:]
    assert (done.returncode, playing.refused) == (0, []), words
    assert (tiny / "hello.txt").read_text() == "Hello, world!\n"
    assert git(tiny, "rev-parse", "trunk^") == before
    assert "Pat: !ans 1 2" in done.stdout
    assert "+Hello, world!" in done.stdout
    assert "read from it" in done.stdout
    assert KEY not in done.stdout + done.stderr
    assert git(tiny.parent / "remote.git", "rev-parse", "trunk") == before
    assert git(tiny, "branch", "--format=%(refname:short)") == "trunk"


def test_without_a_person_nothing_is_merged(tiny: Path, playing: FakeMessages) -> None:
    before = git(tiny, "rev-parse", "trunk")

    done = rehearse(playing, "", "--repo", str(tiny), "--objective", "Say hello.")

    assert done.returncode == 1
    assert "nobody is at the terminal" in done.stderr
    assert git(tiny, "rev-parse", "trunk") == before
    assert not (tiny / "hello.txt").exists()


def test_a_rehearsal_refuses_what_its_script_does_not_do(tiny: Path) -> None:
    with pytest.raises(CommandError, match="need a provider that can do what they say"):
        call_command("rehearse", "--repo", str(tiny), "--objective", "Say hello.")


def test_a_repository_needs_an_objective(tiny: Path) -> None:
    with pytest.raises(CommandError, match="Say with --objective"):
        call_command("rehearse", "--repo", str(tiny), "--provider", "anthropic")
