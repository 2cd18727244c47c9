"""Plain forms from an action's payload, and back from posted fields to a payload."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict

from hub.registry import Action

OWN_FIELDS = {"csrfmiddlewaretoken", "key", "next", "empty"}
ROW = re.compile(r"(\w{1,40})\.(\d{1,6})\.(\w{1,40})")
VALUE = re.compile(r"([a-z_]{1,40})\.([a-z_]{1,40})")  # one named value of a map
LONG_NAMES = {"text", "brief", "summary", "outcome", "context", "purpose", "notes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input of a generated form; `shape` is line, long, number, yes, choice, list or map."""

    name: str
    label: str
    shape: str
    help: str
    value: str
    choices: tuple[str, ...]
    required: bool
    problem: str = ""


def fields(
    action: Action, values: Mapping[str, Any], problems: Mapping[str, str] | None = None
) -> list[Field]:
    """Describe the inputs of an action's form, filled with what was posted before.

    `problems` says by field what was wrong with it.
    """
    schema = action.payload.model_json_schema()
    required = set(schema.get("required", ()))
    return (
        [
            replace(
                _field(name, found, values, required=name in required),
                problem=(problems or {}).get(name, ""),
            )
            for name, found in schema["properties"].items()
        ]
        if "properties" in schema
        else []
    )


def _field(
    name: str, schema: dict[str, Any], values: Mapping[str, Any], *, required: bool
) -> Field:
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    choices: list[Any] = next((option["enum"] for option in options if "enum" in option), [])
    value = values.get(name, schema.get("default"))
    if isinstance(value, list):
        value = "\n".join(map(str, value))
    return Field(
        name=name,
        label=name.replace("_", " ").capitalize(),
        shape=_shape(name, {option.get("type", "") for option in options}, choices),
        help=next(
            (found["description"] for found in [schema, *options] if "description" in found), ""
        ),
        value="" if value is None else str(value),
        choices=tuple(map(str, choices)),
        required=required,
    )


def _shape(name: str, types: set[str], choices: list[Any]) -> str:
    if choices:
        return "choice"
    if types == {"boolean"}:
        return "yes"
    if types <= {"integer", "number"}:
        return "number"
    if "array" in types:
        return "list"
    if "object" in types:
        return "map"
    return "long" if name in LONG_NAMES else "line"


def payload(action: Action, posted: QueryDict) -> dict[str, Any]:
    """Make an action's payload of posted fields: lists by line, empty optional ones left out.

    Lists of objects come as `notes.0.path`, `notes.0.text`: one with an empty field is left out.
    A field that the action does not know stays, so that the registry refuses it by name. The names
    in a field called `empty` are those whose emptiness is meant. Maps come as lines
    `name=value`, or value by value as `config.host`; empty values are left out.
    """
    meant = set(posted.get("empty", "").split())
    shapes = {field.name: field for field in fields(action, {})}
    found: dict[str, Any] = _rows(posted) | _maps(posted)
    for name in posted:
        if ROW.fullmatch(name) or VALUE.fullmatch(name):
            continue
        if name in OWN_FIELDS and name not in shapes:
            continue
        field = shapes.get(name)
        lines = [line.strip() for value in posted.getlist(name) for line in value.splitlines()]
        if field is not None and field.shape == "list":
            found[name] = [line for line in lines if line]
        elif field is not None and field.shape == "map":
            if any(lines):
                found[name] = dict(line.partition("=")[::2] for line in lines if line)
        elif posted[name] or field is None or field.required or name in meant:
            found[name] = posted[name]
    return found


def _maps(posted: QueryDict) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name in posted:
        match, value = VALUE.fullmatch(name), str(posted[name]).strip()
        if match and value:
            found.setdefault(match[1], {})[match[2]] = value
    return found


def _rows(posted: QueryDict) -> dict[str, list[dict[str, str]]]:
    rows: dict[tuple[str, int], dict[str, str]] = {}
    for name in posted:
        match = ROW.fullmatch(name)
        if match:
            rows.setdefault((match[1], int(match[2])), {})[match[3]] = str(posted[name]).strip()
    found: dict[str, list[dict[str, str]]] = {}
    for (name, _), row in sorted(rows.items()):
        if all(row.values()):
            found.setdefault(name, []).append(row)
    return found
