"""Where tools work and how a program of an agent starts; the tools themselves live beside."""

import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict

from agents import containment, processes
from agents.boxes import Box
from agents.git.run import DOMAIN, SYSTEM_PATH
from agents.processes import Child, Finished, RunAs
from hub.errors import NotFound, Unavailable

OUTPUT_BYTES = 65_536  # half from the head and half from the tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A checkout and who works there.

    `home` is the HOME of its programs, `owner` the system user they run as (only where the hub
    is root), `environment` is added to their clean one. Besides the system they may read
    `readable`; they reach a network only with `network`. `is_our_own` marks commands that Parley
    brings along, which may run where nothing can contain them. `on_start` hears of every
    program before it is waited for, so that it can be recorded.
    """

    path: Path
    home: Path
    owner: RunAs | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()
    network: bool = False
    is_our_own: bool = False
    on_start: Callable[[Child], None] | None = None

    def box(self, timeout_s: float) -> Box:
        """Say what a program finds that is started here."""
        return Box(
            path=self.path,
            writable=(self.path, self.home),
            readable=self.readable,
            user=self.owner,
            network=self.network,
            is_our_own=self.is_our_own,
            timeout_s=timeout_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool answers; `exit_code` is None where no program ran or it was stopped."""

    text: str
    exit_code: int | None = None
    seconds: float = 0.0
    truncated: bool = False


class Arguments(BaseModel):
    """The arguments of a tool, as a model gives them: nothing may be added."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool: its name, what it does in words for a model, its arguments, its function."""

    name: str
    description: str
    arguments: type[Arguments]
    function: Callable[[Workspace, Any], ToolResult]

    @classmethod
    def of(cls, function: Callable[[Workspace, Any], ToolResult]) -> "Tool":
        """Make a tool of a function whose second parameter is its Arguments."""
        hints = get_type_hints(function)
        return cls(
            name=function.__name__,
            description=inspect.getdoc(function) or "",
            arguments=hints["arguments"],
            function=function,
        )


def environment(workspace: Workspace) -> dict[str, str]:
    """List all that a program of an agent finds in its environment; nothing of the hub's."""
    return {
        "PATH": f"{SYSTEM_PATH}:{sys.base_prefix}/bin",
        "HOME": str(workspace.home),
        "TMPDIR": str(workspace.home / "tmp"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": "true",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(workspace.path.parent),
        "GIT_AUTHOR_NAME": "agent",
        "GIT_AUTHOR_EMAIL": f"agent@{DOMAIN}",
        "GIT_COMMITTER_NAME": "agent",
        "GIT_COMMITTER_EMAIL": f"agent@{DOMAIN}",
        **workspace.environment,
    }


def execute(workspace: Workspace, argv: Sequence[str], *, timeout_s: float) -> Finished:
    """Run a program of an agent in its checkout, stderr joined to stdout.

    Raises NotFound `checkout.missing`, Unavailable `command.not_started`, `containment.missing`.
    """
    if not workspace.path.is_dir():
        raise NotFound("The checkout is not there.", code="checkout.missing")
    _make_home(workspace)
    setting = processes.Setting(
        cwd=workspace.path,
        env=environment(workspace),
        on_start=workspace.on_start,
    )
    limits = processes.Limits(
        timeout_s=timeout_s,
        head_bytes=OUTPUT_BYTES // 2,
        tail_bytes=OUTPUT_BYTES // 2,
        merge=True,
    )
    try:
        return containment.run(workspace.box(timeout_s), argv, setting, limits)
    except OSError as error:
        raise Unavailable(
            f"The command could not be started: {error.strerror}.", code="command.not_started"
        ) from error


def _make_home(workspace: Workspace) -> None:
    """Make the home; its parent is the hub's, so that no agent can put a link in its place."""
    workspace.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    owner = workspace.owner
    if owner and workspace.home.stat(follow_symlinks=False).st_uid != owner.uid:
        os.chown(workspace.home, owner.uid, owner.gid, follow_symlinks=False)


def text_of(done: Finished) -> str:
    """Read a program's output as text, whatever bytes it wrote."""
    return done.output.decode("utf-8", "replace")
