"""Finding files and text in a checkout; what .gitignore names is left out."""

import os
from typing import Annotated

from pydantic import Field

from agents.folders import clean_name, split_path
from agents.processes import Finished
from agents.tools.base import Arguments, ToolResult, Workspace, execute, text_of
from agents.tools.commands import git_argv
from hub.errors import Invalid, Unavailable
from hub.text import clip

MAX_NAMES = 2_000
MAX_MATCHES = 200
MAX_LINE_CHARS = 500
TIMEOUT_S = 20

Below = Annotated[str, Field(description="folder or file below which to look; empty: everything")]


class ListFiles(Arguments):
    path: Below = ""


class Search(Arguments):
    pattern: Annotated[
        str, Field(min_length=1, max_length=1_000, description="a regular expression")
    ]
    path: Below = ""
    ignore_case: bool = False


def list_files(workspace: Workspace, arguments: ListFiles) -> ToolResult:
    """List the files of the checkout, also new ones, but not those git ignores."""
    where = _below(arguments.path)
    known = _names(workspace, ["--cached", "--others", "--exclude-standard"], where)
    gone = _names(workspace, ["--deleted"], where)
    names = sorted({clean_name(name) for name in known - gone})
    shown = names[:MAX_NAMES]
    if len(names) > len(shown):
        shown.append(f"[{len(names) - len(shown)} more; name a folder]")
    return ToolResult(text="\n".join(shown) or "No files.", truncated=len(names) > MAX_NAMES)


def search(workspace: Workspace, arguments: Search) -> ToolResult:
    """Search the text files of the checkout by a regular expression; answers path:line:text."""
    options = ["-n", "-I", "--no-color", "--untracked", *(["-i"] if arguments.ignore_case else [])]
    rest = ["-e", arguments.pattern, "--", *_below(arguments.path)]
    done = _git(workspace, ["grep", *options, "-P", *rest])
    if b"USE_LIBPCRE" in done.output:  # this git was built without it
        done = _git(workspace, ["grep", *options, "-E", *rest])
    if done.exit_code not in {0, 1}:
        raise Invalid(f"The search failed: {text_of(done)[:300].strip()}", code="search.pattern")
    lines = [clip(line, MAX_LINE_CHARS) for line in text_of(done).splitlines()]
    truncated = done.truncated or len(lines) > MAX_MATCHES
    shown = lines[:MAX_MATCHES]
    if truncated:
        shown.append("[more matches; make the search narrower]")
    return ToolResult(text="\n".join(shown) or "No match.", truncated=truncated)


def _below(path: str) -> list[str]:
    if path in {"", ".", "./"}:
        return ["."]
    return ["/".join(split_path(path))]


def _names(workspace: Workspace, options: list[str], where: list[str]) -> set[str]:
    done = _git(workspace, ["ls-files", "-z", *options, "--", *where])
    if done.exit_code != 0:
        raise Invalid(f"Git cannot list: {text_of(done)[:300].strip()}", code="checkout.broken")
    return {os.fsdecode(name) for name in done.output.split(b"\0") if name}


def _git(workspace: Workspace, args: list[str]) -> Finished:
    done = execute(workspace, git_argv(args), timeout_s=TIMEOUT_S)
    if done.timed_out:
        raise Unavailable(f"That took longer than {TIMEOUT_S} s.", code="search.timeout")
    return done
