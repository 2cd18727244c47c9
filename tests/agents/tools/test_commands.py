import os
import time
from dataclasses import replace

import pytest

from agents import tools
from agents.processes import RunAs
from agents.tools import TOOLS, Workspace
from agents.tools.base import OUTPUT_BYTES
from hub.errors import Invalid, NotFound

NOBODY = RunAs(65534, 65534)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def run(workspace: Workspace, command: str, **more: int):
    return tools.call(workspace, "run_command", {"command": command, **more})


def test_a_command_answers_its_output_and_exit_code(workspace):
    result = run(workspace, "pwd; echo trouble >&2; exit 3")

    assert result.text == f"{workspace.path}\ntrouble\n"
    assert result.exit_code == 3
    assert 0 < result.seconds < 10


def test_the_example_has_one_failing_test(workspace):
    result = run(workspace, "python3 -m unittest")

    assert result.exit_code == 1
    assert "FAILED (failures=1)" in result.text


def test_a_command_that_runs_too_long_is_a_result_that_says_so(workspace):
    result = run(workspace, "echo begun; sleep 60", timeout_s=1)

    assert result.text == "begun\n[stopped: it ran longer than 1 s]"
    assert result.exit_code is None
    assert result.seconds < 5


def test_children_and_grandchildren_end_with_a_command_that_ran_too_long(workspace, mark):
    command = f"sh -c 'trap \"\" TERM; {mark.sleep} & setsid {mark.sleep} & {mark.sleep}; :'"

    run(workspace, command, timeout_s=1)

    assert mark.left() == []


def test_what_a_command_leaves_in_the_background_ends_with_it(workspace, mark):
    started = time.monotonic()

    result = run(workspace, f"{mark.sleep} & echo begun")

    assert result.text == "begun\n"
    assert result.exit_code == 0
    assert time.monotonic() - started < 10
    assert mark.left() == []


def test_long_output_keeps_its_head_and_its_tail(workspace):
    result = run(workspace, "echo first; yes 0123456789 | head -c 3000000; echo last")

    assert result.truncated
    assert result.exit_code == 0
    assert result.text.startswith("first\n")
    assert result.text.endswith("last\n")
    assert "bytes left out" in result.text
    assert len(result.text) < OUTPUT_BYTES + 200


def test_output_that_is_no_text_becomes_text(workspace):
    result = run(workspace, "printf 'a\\000b\\377c'")

    assert result.text == "a\ufffdb\ufffdc"


def test_the_environment_holds_nothing_of_the_hub(workspace, monkeypatch):
    for name in ("DATABASE_URL", "SECRET_KEY", "ANTHROPIC_API_KEY", "PARLEY_CANARY"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("LD_PRELOAD", "")

    lines = run(workspace, "env").text.splitlines()

    assert "canary" not in "\n".join(lines)
    assert {line.partition("=")[0] for line in lines} == {
        *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TERM", "PAGER", "PWD"),
        *("GIT_PAGER", "GIT_EDITOR", "GIT_TERMINAL_PROMPT", "GIT_CONFIG_NOSYSTEM"),
        *("GIT_CEILING_DIRECTORIES", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"),
        *("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"),
    }


def test_a_command_has_a_home_of_its_own_and_the_environment_it_is_given(workspace):
    desk = replace(workspace, environment={"COLOUR": "green"})

    result = run(desk, 'echo "$HOME $COLOUR"; touch "$TMPDIR/x"')

    assert result.text == f"{workspace.home} green\n"
    assert (workspace.home / "tmp" / "x").exists()


def test_a_command_reads_nothing_from_the_hubs_terminal(workspace):
    assert run(workspace, "cat; echo end").text == "end\n"


def test_a_command_has_limits(workspace):
    result = run(workspace, "ulimit -c; ulimit -n; ulimit -f; umask; truncate -s 2G big")

    core, files, blocks, mask, *_ = result.text.split()
    assert (core, blocks, mask) == ("0", "2097152", "0022")
    assert int(files) <= 4_096
    assert result.exit_code != 0
    assert (workspace.path / "big").stat().st_size == 0


def test_every_program_that_starts_is_told(workspace):
    started = []
    desk = replace(workspace, on_start=started.append)

    run(desk, "true")
    tools.call(desk, "git_status", {})

    assert len({child.pid for child in started}) == 2


@as_root
def test_with_an_owner_commands_run_as_that_user(tmp_path):
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o001)
    path = tmp_path / "checkout"
    path.mkdir()
    os.chown(path, NOBODY.uid, NOBODY.gid)
    desk = Workspace(path=path, home=tmp_path / "home", owner=NOBODY)

    result = run(desk, "id -u; id -g; id -G; touch here; touch ~/there; ulimit -a | grep -i proc")

    assert result.text.splitlines()[:3] == ["65534", "65534", "65534"]
    assert "1024" in result.text
    assert (path / "here").stat().st_uid == NOBODY.uid
    assert (desk.home / "there").stat().st_uid == NOBODY.uid
    assert tools.call(desk, "write_file", {"path": "a/b", "content": "x"}).text
    assert (path / "a" / "b").stat().st_uid == NOBODY.uid


@as_root
def test_with_an_owner_a_file_of_somebody_else_is_not_read(tmp_path):
    path = tmp_path / "checkout"
    path.mkdir()
    (path / "roots").write_text("canary\n")

    with pytest.raises(Invalid) as refusal:
        tools.call(Workspace(path=path, home=path, owner=NOBODY), "read_file", {"path": "roots"})

    assert refusal.value.code == "path.outside"


def test_a_checkout_that_is_gone_is_not_found(workspace):
    gone = replace(workspace, path=workspace.path / "gone")

    for name, arguments in (("run_command", {"command": "true"}), ("read_file", {"path": "x"})):
        with pytest.raises(NotFound) as refusal:
            tools.call(gone, name, arguments)

        assert refusal.value.code == "checkout.missing"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("run_command", {}),
        ("run_command", {"command": ""}),
        ("run_command", {"command": "true", "timeout_s": 601}),
        ("run_command", {"command": "true", "timeout_s": 0}),
        ("run_command", {"command": "true", "shell": "bash"}),
        ("read_file", {"path": 7}),
        ("edit_file", {"path": "README.md", "old": "", "new": "x"}),
        ("git_status", {"path": "x"}),
    ],
)
def test_wrong_arguments_are_refused_in_words(workspace, name, arguments):
    with pytest.raises(Invalid) as refusal:
        tools.call(workspace, name, arguments)

    assert refusal.value.code == "arguments.invalid"
    assert refusal.value.message.startswith(f"{name}: ")


def test_a_tool_that_does_not_exist_is_refused(workspace):
    with pytest.raises(Invalid) as refusal:
        tools.call(workspace, "format_disk", {})

    assert refusal.value.code == "tool.unknown"


def test_every_tool_is_described_and_refuses_arguments_it_does_not_know():
    assert set(TOOLS) == {
        *("read_file", "write_file", "edit_file", "list_files", "search"),
        *("run_command", "git_status", "git_diff"),
    }
    for tool in TOOLS.values():
        assert tool.description.partition("\n")[0].endswith(".")
        assert tool.arguments.model_json_schema()["additionalProperties"] is False


def test_git_shows_what_changed_in_the_checkout(workspace):
    tools.call(workspace, "write_file", {"path": "new.txt", "content": "x\n"})
    tools.call(workspace, "edit_file", {"path": "README.md", "old": "# wordcount", "new": "# W"})

    status = tools.call(workspace, "git_status", {})
    whole = tools.call(workspace, "git_diff", {})
    other = tools.call(workspace, "git_diff", {"path": "tests"})

    assert status.text.splitlines() == ["## main", " M README.md", "?? new.txt"]
    assert "-# wordcount\n+# W\n" in whole.text
    assert other.text == "No change."


def test_looking_at_git_runs_no_fsmonitor_hook_or_driver_of_the_clone(workspace):
    canary = workspace.path.parent / "canary"
    script = workspace.path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    script.chmod(0o755)
    run(
        workspace,
        f"git config core.fsmonitor {script}; git config diff.external {script};"
        f"git config diff.x.textconv {script}; git config diff.x.command {script};"
        f"cp {script} .git/hooks/post-index-change; cp {script} .git/hooks/pre-commit;"
        "echo '*.md diff=x' > .gitattributes; echo more >> README.md",
    )
    canary.unlink(missing_ok=True)

    tools.call(workspace, "git_status", {})
    shown = tools.call(workspace, "git_diff", {})
    tools.call(workspace, "list_files", {})
    tools.call(workspace, "search", {"pattern": "wordcount"})

    assert "+more" in shown.text
    assert not canary.exists()
