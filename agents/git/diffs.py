"""What changed between two trees, as typed lines with caps; nothing here is rendered."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.folders import clean_name
from agents.git.run import Bounds, Place, check_id, run_git

MAX_FILES = 300
MAX_LINES_PER_FILE = 5_000
MAX_LINE_CHARS = 2_000
MAX_PATCH_BYTES = 8_000_000
PATCH = Bounds(output_bytes=MAX_PATCH_BYTES, cut=True)
STATUSES = {
    "A": "added",
    "C": "copied",
    "D": "deleted",
    "M": "modified",
    "R": "renamed",
    "T": "retyped",
}
OPTIONS = ("-r", "-M", "--no-ext-diff", "--no-textconv")
KINDS = {" ": "context", "+": "added", "-": "deleted", "\\": "note"}
HUNK = re.compile(rb"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a hunk; kind is context, added, deleted or note, numbers count from 1."""

    kind: str
    old_no: int | None
    new_no: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Lines that stand together; `heading` is what git found above them, often a function."""

    old_start: int
    new_start: int
    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """What changed in one file; status as in STATUSES, `old_path` only where it differs.

    Additions and deletions are counted by git for the whole file, also where `truncated` says
    that lines are missing from the hunks. Modes are git's: 100644, 100755, 120000, 160000.
    """

    path: str
    old_path: str | None
    status: str
    additions: int
    deletions: int
    binary: bool
    old_mode: str
    new_mode: str
    hunks: tuple[Hunk, ...]
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """The size of a change, whatever was cut from the view of it."""

    files: int
    additions: int
    deletions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """A change: its size, and the files git lists first. `truncated` when anything is missing."""

    files: tuple[FileDiff, ...]
    stat: Stat
    truncated: bool


def stat(bare: Path, base: str, tree: str) -> Stat:
    """Count files and lines that changed between two commits or trees."""
    return _total(_counts(bare, base, tree))


def diff(bare: Path, base: str, tree: str, *, context: int = 3) -> Diff:
    """Compare two commits or trees, renames found.

    At most 300 files, 5,000 lines each, 2,000 characters a line, 8 MB in all; beyond that the
    files and the whole say that they are truncated. Files over 1 MB count as binary.
    """
    counts = _counts(bare, base, tree)
    answer = run_git(
        [
            *("diff-tree", "-p", *OPTIONS, f"-U{min(max(context, 0), 50)}"),
            *("--src-prefix=a/", "--dst-prefix=b/", check_id(base), check_id(tree)),
        ],
        Place(git_dir=bare),
        bounds=PATCH,
    )
    sections = _sections(answer.output, cut=answer.truncated)
    files = tuple(_file(one, sections) for one in counts[:MAX_FILES])
    return Diff(
        files=files,
        stat=_total(counts),
        truncated=len(files) < len(counts) or any(one.truncated for one in files),
    )


@dataclass(frozen=True, slots=True)
class _Count:
    """One file as `--raw --numstat` tells it; None lines for a binary one."""

    status: str
    modes: tuple[str, str]
    paths: tuple[bytes, bytes]
    lines: tuple[int, int] | None


def _counts(bare: Path, base: str, tree: str) -> list[_Count]:
    output = run_git(
        ["diff-tree", "-z", "--raw", "--numstat", *OPTIONS, check_id(base), check_id(tree)],
        Place(git_dir=bare),
    ).output
    fields = iter(output.split(b"\0")[:-1])
    raw: list[tuple[str, tuple[str, str], tuple[bytes, bytes]]] = []
    lines: list[tuple[int, int] | None] = []
    for field in fields:
        if field.startswith(b":"):
            old_mode, new_mode, _, _, status = field[1:].decode().split()
            old = next(fields)
            new = next(fields) if status[0] in "RC" else old
            raw.append((status[0], (old_mode, new_mode), (old, new)))
        else:
            added, deleted, name = field.split(b"\t", 2)
            if not name:  # a renamed file: its two names follow
                next(fields), next(fields)
            lines.append(None if added == b"-" else (int(added), int(deleted)))
    return [_Count(*one, counted) for one, counted in zip(raw, lines, strict=True)]


def _total(counts: list[_Count]) -> Stat:
    return Stat(
        files=len(counts),
        additions=sum(one.lines[0] for one in counts if one.lines),
        deletions=sum(one.lines[1] for one in counts if one.lines),
    )


def _sections(patch: bytes, *, cut: bool) -> Iterator[tuple[bytes, bool]]:
    """Cut a patch where a file begins; False for what may be incomplete, endless after the last.

    Lines of content begin with one of four other characters and names are quoted, so nothing
    in a repository can look like the start of a file.
    """
    found = re.split(rb"^diff --git ", patch, flags=re.MULTILINE)[1:]
    for number, section in enumerate(found, start=1):
        yield section, not (cut and number == len(found))
    while True:
        yield b"", not cut


def _file(count: _Count, sections: Iterator[tuple[bytes, bool]]) -> FileDiff:
    """Join what was counted with its hunks; a file that became a link has two sections."""
    taken = [next(sections) for _ in range(2 if count.status == "T" else 1)]
    hunks: list[Hunk] = []
    complete = all(whole for _, whole in taken)
    left = MAX_LINES_PER_FILE
    for section, _ in taken:
        for hunk, whole in _hunks(section, left):
            hunks.append(hunk)
            left -= len(hunk.lines)
            complete = complete and whole
    old, new = (clean_name(os.fsdecode(path)) for path in count.paths)
    return FileDiff(
        path=new,
        old_path=old if old != new else None,
        status=STATUSES[count.status],
        additions=count.lines[0] if count.lines else 0,
        deletions=count.lines[1] if count.lines else 0,
        binary=count.lines is None,
        old_mode=count.modes[0],
        new_mode=count.modes[1],
        hunks=tuple(hunks),
        truncated=not complete,
    )


def _hunks(section: bytes, left: int) -> Iterator[tuple[Hunk, bool]]:
    """Read the hunks of a section while lines are left; False with one that had to be cut."""
    pieces = re.split(rb"^(?=@@ )", section, flags=re.MULTILINE)[1:]
    for number, piece in enumerate(pieces, start=1):
        heading, *rows = piece.removesuffix(b"\n").split(b"\n")
        match = HUNK.match(heading)
        if match is None:
            return
        old, new = int(match[1]), int(match[2])
        lines, whole = _lines(rows[:left], old, new)
        whole = whole and len(rows) <= left
        left -= len(lines)
        whole = whole and (left > 0 or number == len(pieces))
        yield Hunk(old_start=old, new_start=new, heading=_text(match[3]), lines=lines), whole
        if left <= 0:
            return


def _lines(rows: list[bytes], old: int, new: int) -> tuple[tuple[Line, ...], bool]:
    lines = []
    whole = True
    for row in rows:
        kind = KINDS.get(row[:1].decode("latin-1"), "context")
        text = _text(row[1:])
        whole = whole and len(text) <= MAX_LINE_CHARS
        in_old, in_new = kind in {"context", "deleted"}, kind in {"context", "added"}
        lines.append(
            Line(
                kind=kind,
                old_no=old if in_old else None,
                new_no=new if in_new else None,
                text=text[:MAX_LINE_CHARS],
            )
        )
        old, new = old + in_old, new + in_new
    return tuple(lines), whole


def _text(row: bytes) -> str:
    return row.decode("utf-8", "replace")
