"""Search in the files of an agent's checkout; the pattern runs in a process of its own."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agents import processes
from agents.folders import Folder, clean_name
from hub.errors import Invalid, Unavailable

from .desk import ToolResult, Workspace
from .files import MAX_BYTES, Glob, names_in

TIMEOUT_S = 10.0
MAX_MATCHES = 200
MAX_LINE_CHARS = 300
SCAN = Path(__file__).with_name("scan.py")

Pattern = Annotated[
    str, Field(min_length=1, max_length=500, description="a regular expression of Python's")
]


def search(workspace: Workspace, pattern: Pattern, glob: Glob = "**") -> ToolResult:
    """Find lines that match a regular expression, as path:line:text, at most 200.

    Binary files and those over 1 MB are passed over. A pattern can take exponential time and
    would hold Python's lock all the while: it runs in another process, for at most 10 s.
    Raises Invalid `search.pattern`, `search.timeout`.
    """
    with Folder(workspace.path) as folder:
        names = sorted(names_in(folder, glob))
    request = {
        "pattern": pattern,
        "names": names,
        "user": [workspace.user.uid, workspace.user.gid] if workspace.user else None,
        "max_matches": MAX_MATCHES,
        "max_bytes": MAX_BYTES,
        "max_chars": MAX_LINE_CHARS,
    }
    found = _scan(workspace, json.dumps(request).encode())
    if found["error"]:
        raise Invalid(f"That is no regular expression: {found['error']}.", code="search.pattern")
    rows = [f"{clean_name(name)}:{number}:{line}" for name, number, line in found["matches"]]
    cut = len(rows) >= MAX_MATCHES
    note = [f"[the first {MAX_MATCHES} matches]"] if cut else []
    return ToolResult(text="\n".join([*rows, *note]) or "[no line matches]", truncated=cut)


def _scan(workspace: Workspace, request: bytes) -> dict[str, Any]:
    setting = processes.Setting(cwd=workspace.path, env={"LANG": "C.UTF-8"})
    limits = processes.Limits(timeout_s=TIMEOUT_S, head_bytes=4_000_000, stop_at_limit=True)
    done = processes.run([sys.executable, "-I", "-S", str(SCAN)], setting, limits, request)
    if done.timed_out:
        raise Invalid(
            f"The search took over {TIMEOUT_S:g} s; use a simpler pattern or fewer files.",
            code="search.timeout",
        )
    if done.exit_code != 0:
        raise Unavailable("The search could not be run.", code="search.failed")
    answer: dict[str, Any] = json.loads(done.output)
    return answer
