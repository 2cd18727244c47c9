"""Where an agent works and how a program starts there; what may be run is up to the tools."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents import processes
from agents.git.run import DOMAIN, SYSTEM_PATH
from agents.processes import Child, RunAs
from hub.errors import Unavailable
from hub.text import slug

MAX_FILE_BYTES = 1_000_000_000  # that a command may write
MAX_OPEN_FILES = 1_024
MAX_PROCESSES = 1_024  # of a dedicated user; among those of the hub's own user it would hit others
KILL_GRACE_S = 10

# Everything an agent starts begins here, as the agent and inside what contains it. Source:
# POSIX ulimit (-f counts 512 bytes); dash calls the number of processes -p, bash -u.
START = """
umask 022
ulimit -c 0
ulimit -t "$1"; ulimit -f "$2"; ulimit -n "$3"
[ "$4" = 0 ] || ulimit -p "$4" 2>/dev/null || ulimit -u "$4"
mkdir -p "$TMPDIR"
shift 4
exec "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """An agent's checkout, and a private home beside it that no other agent shares.

    With `user` (the hub must be root) programs run as that user, who owns both folders. `name`
    signs what the agent commits by itself. `on_start` hears of every program that is started.
    """

    path: Path
    home: Path
    user: RunAs | None = None
    name: str = "agent"
    on_start: Callable[[Child], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool answers: `text` for the model, and small facts.

    `exit_code` is None where nothing ran to its end; `truncated` when something was left out.
    """

    text: str
    exit_code: int | None = None
    seconds: float | None = None
    timed_out: bool = False
    truncated: bool = False


def argv(workspace: Workspace, program: Sequence[str], timeout_s: float) -> list[str]:
    """Build the command line that starts a program inside an agent's limits.

    The only way to start one for an agent, so that a sandbox has one place to wrap.
    """
    limits = (
        int(timeout_s) + KILL_GRACE_S,  # seconds of CPU: a bound that holds when the hub is gone
        MAX_FILE_BYTES // 512,
        MAX_OPEN_FILES,
        MAX_PROCESSES if workspace.user else 0,
    )
    return ["/bin/sh", "-c", START, "sh", *map(str, limits), *program]


def environment(workspace: Workspace) -> dict[str, str]:
    """List all that a program of an agent's finds in its environment; nothing of the hub's."""
    address = f"{slug(workspace.name)}@{DOMAIN}"
    return {
        "PATH": f"{SYSTEM_PATH}:{sys.base_prefix}/bin",
        "LANG": "C.UTF-8",
        "HOME": str(workspace.home),
        "TMPDIR": str(workspace.home / "tmp"),
        "TERM": "dumb",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": "true",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": workspace.name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_COMMITTER_NAME": workspace.name,
        "GIT_COMMITTER_EMAIL": address,
    }


def start(
    workspace: Workspace, program: Sequence[str], limits: processes.Limits
) -> processes.Finished:
    """Run a program for an agent in its checkout. Raises Unavailable when it cannot start."""
    _make_home(workspace)
    setting = processes.Setting(
        cwd=workspace.path,
        env=environment(workspace),
        user=workspace.user,
        on_start=workspace.on_start,
    )
    try:
        return processes.run(argv(workspace, program, limits.timeout_s), setting, limits)
    except OSError as error:
        raise Unavailable(
            f"The command could not be started: {error.strerror}.", code="command.not_started"
        ) from error


def _make_home(workspace: Workspace) -> None:
    """Make the home; its parent is the hub's, so that no agent can put a link in its place."""
    workspace.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if workspace.user and workspace.home.stat(follow_symlinks=False).st_uid != workspace.user.uid:
        os.chown(workspace.home, workspace.user.uid, workspace.user.gid, follow_symlinks=False)
