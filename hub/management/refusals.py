"""All refusals that the code can raise, found in its syntax trees."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from hub import errors
from hub.states import Machine

PACKAGES = ("hub", "agents", "transports")
CLASSES: dict[str, type[errors.HubError]] = {
    name: found
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, errors.HubError)
}
UNLESS = "refuse_unless"  # hub.access: words and code by keyword, raises Forbidden


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Refusal:
    """One place that refuses: its code, class, sentence with {…} for values, and module."""

    code: str
    place: str
    kind: str
    status: int
    sentence: str


def refusals(machines: Mapping[str, Machine[Any]]) -> list[Refusal]:
    """List every refusal of the source, by code; moves of machines refuse with the state found."""
    found = set(_of_source())
    for name, machine in machines.items():
        for state in machine.states:
            found.add(
                Refusal(
                    code=f"{name}.{state.value}",
                    kind="Conflict",
                    status=errors.Conflict.status,
                    sentence=f"This {{name}} is {state.label}; it cannot become {{target}}.",
                    place="hub.states",
                )
            )
    return sorted(found)


def _of_source() -> Iterator[Refusal]:
    root = Path(settings.BASE_DIR)
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if {"examples", "migrations"} & set(path.parts):
                continue
            place = ".".join(path.relative_to(root).with_suffix("").parts)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and (refusal := _of_call(node, place)):
                    yield refusal


def _of_call(node: ast.Call, place: str) -> Refusal | None:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else _name(node.func)
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    kind = CLASSES.get("Forbidden" if name == UNLESS else name)
    words = keywords.get("words") if name == UNLESS else next(iter(node.args), None)
    if kind is None or words is None:
        return None
    code = keywords.get("code")
    text = _template(code) if code is not None else kind.default_code
    if not text or "{" in text:
        return None  # made of a value: a machine's state, or a code passed on
    return Refusal(
        code=text, kind=kind.__name__, status=kind.status, sentence=_template(words), place=place
    )


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _template(node: ast.expr) -> str:
    """Read a string with {…} where an f-string has a value; nothing for other expressions."""
    if isinstance(node, ast.Constant):
        return " ".join(str(node.value).split())
    if isinstance(node, ast.JoinedStr):
        parts = [
            str(part.value) if isinstance(part, ast.Constant) else f"{{{_last_name(part)}}}"
            for part in node.values
        ]
        return " ".join("".join(parts).split())
    return ""


def _last_name(part: ast.expr) -> str:
    value = part.value if isinstance(part, ast.FormattedValue) else part
    if isinstance(value, ast.Attribute):
        return value.attr
    return _name(value) or "…"
