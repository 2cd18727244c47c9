"""What an agent may do in its checkout: read, write, edit, list, search, run, look at git."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from agents.tools.base import Tool, ToolResult, Workspace
from agents.tools.commands import git_diff, git_status, run_command
from agents.tools.files import edit_file, read_file, write_file
from agents.tools.finding import list_files, search
from hub.errors import Invalid

FUNCTIONS: tuple[Callable[[Workspace, Any], ToolResult], ...] = (
    read_file,
    write_file,
    edit_file,
    list_files,
    search,
    run_command,
    git_status,
    git_diff,
)
TOOLS: Mapping[str, Tool] = {one.__name__: Tool.of(one) for one in FUNCTIONS}

__all__ = ["TOOLS", "Tool", "ToolResult", "Workspace", "call"]


def call(workspace: Workspace, name: str, arguments: Mapping[str, Any]) -> ToolResult:
    """Run one tool with the arguments a model gave.

    A command that fails or runs out of time is a result; what may not be done is a HubError:
    `tool.unknown`, `arguments.invalid`, `path.outside`, `path.git`, `file.…`, `edit.…`.
    """
    tool = TOOLS.get(name)
    if tool is None:
        raise Invalid(f"There is no tool {name[:60]!r}.", code="tool.unknown")
    try:
        checked = tool.arguments.model_validate(arguments)
    except ValidationError as error:
        raise Invalid(f"{name}: {_say(error)}", code="arguments.invalid") from error
    started = time.monotonic()
    result = tool.function(workspace, checked)
    text = result.text.replace("\0", "\ufffd")
    return replace(result, text=text, seconds=time.monotonic() - started)


def _say(error: ValidationError) -> str:
    """Say what is wrong with each argument, without repeating what was given."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False)[:5]
    )
