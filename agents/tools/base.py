"""Where tools work and how a program of an agent starts; the tools themselves live beside."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict

from agents import processes
from agents.processes import Child, Finished, RunAs
from hub.errors import NotFound

OUTPUT_BYTES = 65_536  # half from the head and half from the tail
MAX_OPEN_FILES = 4_096
MAX_FILE_BLOCKS = 2_097_152  # of 512 bytes: 1 GiB
MAX_CPU_S = 1_200
MAX_PROCESSES = 1_024  # all of the dedicated user; without one it would count the hub's own

# A limit that the system already holds lower stays as it is.
_LIMITS = (
    f"ulimit -c 0; ulimit -n {MAX_OPEN_FILES}; ulimit -f {MAX_FILE_BLOCKS}; ulimit -t {MAX_CPU_S}; "
)
_PROCESS_LIMIT = f"ulimit -p {MAX_PROCESSES} || ulimit -u {MAX_PROCESSES}; "


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A checkout and who works there.

    `home` is the HOME of its programs, `owner` the system user they run as (only where the hub
    is root), `environment` is added to their clean one. `on_start` hears of every program
    before it is waited for, so that it can be recorded.
    """

    path: Path
    home: Path
    owner: RunAs | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    on_start: Callable[[Child], None] | None = None


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


def build_argv(workspace: Workspace, argv: Sequence[str]) -> list[str]:
    """Wrap a program of an agent in its limits; the one place that decides what it starts in."""
    limits = _LIMITS + (_PROCESS_LIMIT if workspace.owner else "")
    return ["/bin/sh", "-c", f'{{ {limits}}} 2>/dev/null; exec "$@"', "sh", *argv]


def environment(workspace: Workspace) -> dict[str, str]:
    """Make the environment of an agent's program: nothing of the hub's but its PATH."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(workspace.home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(workspace.path.parent),
        "GIT_AUTHOR_NAME": "agent",
        "GIT_AUTHOR_EMAIL": "agent@parley.invalid",
        "GIT_COMMITTER_NAME": "agent",
        "GIT_COMMITTER_EMAIL": "agent@parley.invalid",
        **workspace.environment,
    }


def execute(workspace: Workspace, argv: Sequence[str], *, timeout_s: float) -> Finished:
    """Run a program of an agent in its checkout, stderr joined to stdout."""
    setting = processes.Setting(
        cwd=workspace.path,
        env=environment(workspace),
        user=workspace.owner,
        on_start=workspace.on_start,
    )
    limits = processes.Limits(
        timeout_s=timeout_s,
        head_bytes=OUTPUT_BYTES // 2,
        tail_bytes=OUTPUT_BYTES // 2,
        merge=True,
    )
    try:
        return processes.run(build_argv(workspace, argv), setting, limits)
    except OSError as error:
        raise NotFound("The checkout is not there.", code="checkout.missing") from error


def text_of(done: Finished) -> str:
    """Read a program's output as text, whatever bytes it wrote."""
    return done.output.decode("utf-8", "replace")
