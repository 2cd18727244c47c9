import subprocess

import pytest

from agents import example_repository
from hub.errors import Conflict


def git(path, *args):
    return subprocess.check_output(["git", "-C", str(path), *args], text=True).strip()


def test_the_example_is_a_clean_repository_with_two_commits(tmp_path):
    example_repository.make(tmp_path / "wordcount")

    log = git(tmp_path / "wordcount", "log", "--format=%an", "main")
    assert log.splitlines() == ["Parley demo", "Parley demo"]
    assert git(tmp_path / "wordcount", "status", "--porcelain") == ""


def test_the_example_has_the_same_commits_everywhere(tmp_path):
    example_repository.make(tmp_path / "one")
    example_repository.make(tmp_path / "other")

    assert git(tmp_path / "one", "rev-parse", "main") == git(
        tmp_path / "other", "rev-parse", "main"
    )


def test_one_test_of_the_example_fails_for_a_real_bug_and_a_feature_is_missing(tmp_path):
    path = tmp_path / "wordcount"
    example_repository.make(path)
    counting = path / "wordcount" / "counting.py"

    before = subprocess.run(["python3", "-m", "unittest"], cwd=path, capture_output=True, text=True)
    counting.write_text(counting.read_text().replace("[a-z]+", "[a-z]+(?:'[a-z]+)*"))
    after = subprocess.run(["python3", "-m", "unittest"], cwd=path, capture_output=True, text=True)
    wish = subprocess.run(
        ["python3", "-m", "wordcount", "--json", "README.md"], cwd=path, capture_output=True
    )

    assert "FAILED (failures=1)" in before.stderr
    assert after.returncode == 0
    assert wish.returncode == 2


def test_the_example_does_not_overwrite_what_is_there(tmp_path):
    (tmp_path / "wordcount").mkdir()

    with pytest.raises(Conflict) as refusal:
        example_repository.make(tmp_path / "wordcount")

    assert refusal.value.code == "example.exists"
