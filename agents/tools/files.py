"""Reading and changing single files of a checkout, never through a link out of it."""

from typing import Annotated

from pydantic import Field

from agents.folders import Folder, clean_name, is_git_path, split_path
from agents.tools.base import OUTPUT_BYTES, Arguments, ToolResult, Workspace
from hub.errors import Conflict, Invalid

MAX_FILE_BYTES = 1_000_000
WHERE = "path from the top of the checkout; $SCRATCH/… is the folder that your team shares"

FilePath = Annotated[str, Field(min_length=1, description=WHERE)]


class ReadFile(Arguments):
    path: FilePath
    first_line: Annotated[int, Field(ge=1, description="line to begin with, from 1")] = 1
    max_lines: Annotated[int, Field(ge=1, le=10_000)] = 2_000


class WriteFile(Arguments):
    path: FilePath
    content: Annotated[str, Field(description="the whole new content")]


class EditFile(Arguments):
    path: FilePath
    old: Annotated[str, Field(min_length=1, description="text that occurs exactly once")]
    new: Annotated[str, Field(description="text to put in its place")]


def read_file(workspace: Workspace, arguments: ReadFile) -> ToolResult:
    """Read a text file of the checkout, or some of its lines."""
    lines = _read(workspace, arguments.path).splitlines(keepends=True)
    first = arguments.first_line - 1
    wanted = lines[first : first + arguments.max_lines]
    raw = "".join(wanted).encode()
    text = raw[:OUTPUT_BYTES].decode("utf-8", "ignore")
    truncated = len(raw) > OUTPUT_BYTES or first + len(wanted) < len(lines)
    if truncated:
        shown = first + len(text.splitlines())
        text = f"{text.rstrip()}\n[lines {first + 1} to {shown} of {len(lines)}]\n"
    return ToolResult(text=text, truncated=truncated)


def write_file(workspace: Workspace, arguments: WriteFile) -> ToolResult:
    """Write a text file of the checkout whole, making the folders it needs."""
    is_new = _write(workspace, arguments.path, arguments.content)
    lines = len(arguments.content.splitlines())
    verb = "Created" if is_new else "Replaced"
    return ToolResult(text=f"{verb} {clean_name(arguments.path)}, {lines} lines.")


def edit_file(workspace: Workspace, arguments: EditFile) -> ToolResult:
    """Replace a piece of text that occurs exactly once in a file of the checkout."""
    _check_writable(arguments.path)
    content = _read(workspace, arguments.path)
    found = content.count(arguments.old)
    name = clean_name(arguments.path)
    if found == 0:
        raise Conflict(
            f"The old text is not in {name}; read the file and copy it exactly.",
            code="edit.not_found",
        )
    if found > 1:
        raise Conflict(
            f"The old text is {found} times in {name}; give more of what is around it.",
            code="edit.ambiguous",
            found=found,
        )
    before = content.partition(arguments.old)[0]
    _write(workspace, arguments.path, content.replace(arguments.old, arguments.new))
    return ToolResult(text=f"Edited {name} at line {before.count(chr(10)) + 1}.")


def _read(workspace: Workspace, path: str) -> str:
    top, inside = workspace.place(path)
    with Folder(top, workspace.owner) as folder:
        content = folder.read(split_path(inside), MAX_FILE_BYTES)
    try:
        if b"\0" not in content:
            return content.decode()
    except UnicodeDecodeError:
        pass
    raise Invalid(f"{clean_name(path)} is not a text file in UTF-8.", code="file.binary")


def _write(workspace: Workspace, path: str, content: str) -> bool:
    top, inside = workspace.place(path)
    parts = _check_writable(inside)
    try:
        raw = content.encode()
    except UnicodeEncodeError as error:
        raise Invalid("content holds half a character.", code="arguments.invalid") from error
    if len(raw) > MAX_FILE_BYTES:
        raise Invalid(
            f"The content is larger than {MAX_FILE_BYTES:,} bytes.",
            code="file.too_large",
            max_bytes=MAX_FILE_BYTES,
        )
    with Folder(top, workspace.owner) as folder:
        return folder.write(parts, raw)


def _check_writable(path: str) -> tuple[str, ...]:
    parts = split_path(path)
    if is_git_path(parts):
        raise Invalid("Files of git itself are not written by tools.", code="path.git")
    return parts
