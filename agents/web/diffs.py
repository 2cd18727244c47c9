"""A change ready to be shown: highlighted lines, unified or side by side, with their notes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from pathlib import Path

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.token import STANDARD_TYPES, Token, _TokenType
from pygments.util import ClassNotFound

from agents.git.diffs import Diff, FileDiff, Hunk, Line, diff
from agents.models import Note
from hub.markdown.colour import LANGUAGES, MAX_COLOURED_CHARS, MAX_COLOURED_LINE_CHARS

KEPT = 16
SIGNS = {"added": "+", "deleted": "-", "context": " ", "note": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One line of code on one side; `anchor` names it on the page ("2n14")."""

    kind: str
    number: int | None
    sign: str
    html: str
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the view: the unified cell, or both sides, and the notes below it."""

    cell: Cell
    old: Cell | None
    new: Cell | None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A hunk: where it stands, and its rows."""

    heading: str
    rows: list[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One changed file."""

    index: int
    diff: FileDiff
    sections: list[Section] = field(default_factory=list)


@lru_cache(maxsize=KEPT)
def change(bare: Path, base: str, tree: str) -> Diff:
    """Compare two trees; ids name content for ever, so the answer is kept."""
    return diff(bare, base, tree)


def files(found: Diff, notes: Iterable[Note], *, split: bool) -> list[File]:
    """Make a change ready: unified, or with `split` side by side."""
    placed: dict[tuple[str, bool, int], list[Note]] = {}
    for note in notes:
        placed.setdefault((note.path, note.is_old, note.line), []).append(note)
    return [_file(index, one, placed, split=split) for index, one in enumerate(found.files)]


def _file(
    index: int, one: FileDiff, placed: dict[tuple[str, bool, int], list[Note]], *, split: bool
) -> File:
    lexer = _lexer(one)
    sections = []
    for hunk in one.hunks:
        cells = _cells(index, hunk, lexer)
        rows = _side_by_side(cells) if split else _unified(cells)
        noted = [_noted(one.path, row, placed) for row in rows]
        sections.append(Section(heading=hunk.heading, rows=noted))
    return File(index=index, diff=one, sections=sections)


def _noted(path: str, row: Row, placed: dict[tuple[str, bool, int], list[Note]]) -> Row:
    found: list[Note] = []
    for cell in (row.old, row.new) if row.old or row.new else (row.cell,):
        if cell is not None and cell.number is not None:
            found += placed.get((path, cell.kind == "deleted", cell.number), [])
    return Row(cell=row.cell, old=row.old, new=row.new, notes=tuple(dict.fromkeys(found)))


def _lexer(one: FileDiff) -> Lexer | None:
    try:
        lexer = get_lexer_for_filename(one.path, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    return lexer if LANGUAGES.intersection(lexer.aliases) else None


def _cells(index: int, hunk: Hunk, lexer: Lexer | None) -> list[Cell]:
    """Make cells of a hunk's lines; each side is highlighted as one text, so strings stay whole."""
    old = [line for line in hunk.lines if line.kind in {"context", "deleted"}]
    new = [line for line in hunk.lines if line.kind in {"context", "added"}]
    html = {id(line): text for line, text in zip(old, highlighted(old, lexer), strict=True)}
    html.update({id(line): text for line, text in zip(new, highlighted(new, lexer), strict=True)})
    return [_cell(index, line, html.get(id(line), escape(line.text))) for line in hunk.lines]


def _cell(index: int, line: Line, html: str) -> Cell:
    number = line.old_no if line.kind == "deleted" else line.new_no
    side = "o" if line.kind == "deleted" else "n"
    return Cell(
        kind=line.kind,
        number=number,
        sign=SIGNS[line.kind],
        html=html,
        anchor=f"{index}{side}{number}" if number else "",
    )


def highlighted(lines: Sequence[Line], lexer: Lexer | None) -> list[str]:
    """Turn lines into HTML with Pygments' short classes; merely escaped without a lexer, and
    where a text is so large that a lexer may take quadratic time (see hub.markdown.colour).
    """
    text = "\n".join(line.text for line in lines)
    longest = max((len(line.text) for line in lines), default=0)
    if lexer is None or len(text) > MAX_COLOURED_CHARS or longest > MAX_COLOURED_LINE_CHARS:
        return [escape(line.text) for line in lines]
    rows = [""]
    for kind, token in lexer.get_tokens(text):
        name = _class(kind)
        for number, piece in enumerate(token.split("\n")):
            if number:
                rows.append("")
            if piece:
                shown = escape(piece)
                rows[-1] += f'<span class="{name}">{shown}</span>' if name else shown
    return rows if len(rows) == len(lines) else [escape(line.text) for line in lines]


def _class(kind: _TokenType) -> str:
    while kind not in STANDARD_TYPES:
        kind = kind.parent or Token
    return STANDARD_TYPES[kind]


def _unified(cells: Sequence[Cell]) -> list[Row]:
    return [Row(cell=cell, old=None, new=None) for cell in cells]


def _side_by_side(cells: Sequence[Cell]) -> list[Row]:
    """Pair deleted lines with the added ones that follow them."""
    rows: list[Row] = []
    deleted: list[Cell] = []
    added: list[Cell] = []

    def flush() -> None:
        for number in range(max(len(deleted), len(added))):
            left = deleted[number] if number < len(deleted) else None
            right = added[number] if number < len(added) else None
            first = left or right
            assert first is not None
            rows.append(Row(cell=first, old=left, new=right))
        deleted.clear()
        added.clear()

    for cell in cells:
        if cell.kind == "deleted":
            deleted.append(cell)
        elif cell.kind == "added":
            added.append(cell)
        else:
            flush()
            rows.append(Row(cell=cell, old=cell, new=cell))
    flush()
    return rows
