"""Running programs in a checkout, git among them, as the agent and in its own clone."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from agents.folders import split_path
from agents.processes import Finished
from agents.tools.base import Arguments, ToolResult, Workspace, execute, text_of

MAX_COMMAND_S = 600
GIT_TIMEOUT_S = 30

# The clone belongs to the agent, who may have written anything into its config.
_GIT = (
    "git",
    "--literal-pathspecs",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
)


class RunCommand(Arguments):
    command: Annotated[str, Field(min_length=1, max_length=20_000, description="a shell command")]
    timeout_s: Annotated[int, Field(ge=1, le=MAX_COMMAND_S)] = 120


class GitStatus(Arguments):
    pass


class GitDiff(Arguments):
    path: Annotated[str, Field(description="file or folder; empty: everything")] = ""


def run_command(workspace: Workspace, arguments: RunCommand) -> ToolResult:
    """Run a shell command at the top of the checkout; answers its output and exit code.

    Programs it leaves in the background are ended with it. Long output loses its middle.
    """
    argv = ["/bin/sh", "-c", arguments.command]
    done = execute(workspace, argv, timeout_s=arguments.timeout_s)
    if done.timed_out:
        note = f"[stopped: it ran longer than {arguments.timeout_s} s]"
        return _result(done, f"{text_of(done).rstrip()}\n{note}".lstrip())
    return _result(done, text_of(done))


def git_status(workspace: Workspace, arguments: GitStatus) -> ToolResult:  # noqa: ARG001 - none
    """Show which files of the checkout are changed or new."""
    done = _git(workspace, ["status", "--short", "--branch"])
    return _result(done, text_of(done))


def git_diff(workspace: Workspace, arguments: GitDiff) -> ToolResult:
    """Show what has changed in the checkout's tracked files, line by line."""
    where = ["/".join(split_path(arguments.path))] if arguments.path else ["."]
    options = ["--no-color", "--no-ext-diff", "--no-textconv"]
    done = _git(workspace, ["diff", *options, "HEAD", "--", *where])
    return _result(done, text_of(done) or "No change.")


def git_argv(args: Sequence[str]) -> list[str]:
    """Say how git is called in an agent's clone."""
    return [*_GIT, *args]


def _git(workspace: Workspace, args: Sequence[str]) -> Finished:
    return execute(workspace, git_argv(args), timeout_s=GIT_TIMEOUT_S)


def _result(done: Finished, text: str) -> ToolResult:
    return ToolResult(text=text, exit_code=done.exit_code, truncated=done.truncated)
