"""The generated pages of docs/: actions, errors, states and settings, read from the code itself."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings

from hub.policy.roles import CAPABILITIES
from hub.registry import ACTIONS, Action
from hub.states import Machine

from .refusals import refusals

NOTE = "<!-- Written by `manage.py write_docs`; a test compares. -->"
APPLICATIONS = ("hub", "agents", "transports")


def pages() -> dict[str, str]:
    """Make every generated page; returns its text by its file's name in docs/."""
    makers: Mapping[str, Callable[[], Iterator[str]]] = {
        "actions.md": actions,
        "errors.md": errors,
        "states.md": states,
        "settings.md": variables,
    }
    return {name: "\n".join([*maker()]).rstrip() + "\n" for name, maker in makers.items()}


def _head(*titles: str) -> list[str]:
    return [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]


# -- Actions --------------------------------------------------------------------------------------
def actions() -> Iterator[str]:
    """Describe each action, by noun."""
    yield from ["# Actions", "", NOTE, ""]
    yield "Everything a member can do. Over HTTP each is `POST /api/actions/{name}`, reads also"
    yield "`GET`; see `/api/docs` of a running Parley. *Needs* names the right a role must have:"
    yield ""
    yield from (f"- `{name}`: {words}" for name, words in CAPABILITIES.items())
    ordered = [found for _, found in sorted(ACTIONS.items())]
    for noun, group in groupby(ordered, key=lambda found: found.name.partition(".")[0]):
        yield from ["", f"## {noun}"]
        for found in group:
            yield from _action(found)


def _action(found: Action) -> Iterator[str]:
    kind = "writes" if found.writes else "marks, unlogged" if found.marks else "reads"
    spoken = f"; in chat {', '.join(f'`{verb}`' for verb in found.chat)}" if found.chat else ""
    yield from ["", f"### {found.name}", "", f"Needs `{found.needs}`; {kind}{spoken}.", ""]
    yield found.help
    schema = found.payload.model_json_schema()
    if schema.get("properties"):
        yield from ["", *_head("Argument", "Takes", "Default")]
        required = schema.get("required", ())
        for name, argument in schema["properties"].items():
            default = "required" if name in required else f"`{argument.get('default')!r}`"
            yield f"| `{name}` | {_takes(argument)} | {default} |"
    yield from ["", f"Answers {_type(found.returns.json_schema(by_alias=False))}."]


def _takes(schema: Mapping[str, Any]) -> str:
    words = schema.get("description", "")
    return f"{_type(schema)}{': ' if words else ''}{words}".replace("|", "\\|")


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        kinds = [_type(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(kinds)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}{_limits(schema)}"
    if schema.get("type") == "object" and "title" in schema:
        return f"`{schema['title']}`"
    return f"{schema.get('type', 'anything')}{_limits(schema)}"


LIMITS = {
    "minimum": "from {}",
    "exclusiveMinimum": "over {}",
    "maximum": "to {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
}


def _limits(schema: Mapping[str, Any]) -> str:
    found = [words.format(schema[key]) for key, words in LIMITS.items() if key in schema]
    return f" ({', '.join(found)})" if found else ""


# -- Errors ---------------------------------------------------------------------------------------
def errors() -> Iterator[str]:
    """List every code with its class, its status and the sentence that goes with it."""
    yield from ["# Errors", "", NOTE, ""]
    yield "Every refusal has a stable code, an HTTP status and a sentence that says what to do."
    yield "Over HTTP it is a problem document (RFC 9457); in chat the sentence is the answer."
    yield from ["", *_head("Code", "Class", "Status", "Sentence", "Raised in")]
    for code, group in groupby(refusals(machines()), key=lambda one: one.code):
        ways = list(group)
        kinds = " ".join(sorted({one.kind for one in ways}))
        statuses = " ".join(sorted({str(one.status) for one in ways}))
        places = " ".join(sorted({f"`{one.place}`" for one in ways}))
        sentence = ways[0].sentence.replace("|", "\\|").replace("<", "&lt;")
        yield f"| `{code}` | {kinds} | {statuses} | {sentence} | {places} |"


# -- States ---------------------------------------------------------------------------------------
def machines() -> dict[str, Machine[Any]]:
    """Find the machines of all models; returns them by the model's name."""
    found: dict[str, Machine[Any]] = {}
    for label in APPLICATIONS:
        module = apps.get_app_config(label).models_module
        for name in sorted(vars(module) if module else ()):
            machine = getattr(module, name)
            if isinstance(machine, Machine):
                found[_model_of(machine, label)] = machine
    return found


def _model_of(machine: Machine[Any], label: str) -> str:
    choices = machine.states.choices
    for model in apps.get_app_config(label).get_models():
        columns = {column.name: column for column in model._meta.get_fields()}
        if "state" in columns and getattr(columns["state"], "choices", None) == choices:
            return str(model._meta.model_name)
    raise LookupError(f"no model has the states {machine.states.__name__}")


def states() -> Iterator[str]:
    """Draw each machine as a table of moves."""
    yield from ["# States", "", NOTE, ""]
    yield "A state changes only along these moves. A row that is in another state by now is left"
    yield "as it is, and the caller is refused with the code `<noun>.<state found>`."
    for name, machine in sorted(machines().items()):
        yield from ["", f"## {name}", "", *_head("From", "To")]
        for state, targets in machine.edges.items():
            ordered = [one for one in machine.states if one in targets]
            to = ", ".join(f"`{target.value}`" for target in ordered) or "final"
            yield f"| `{state.value}` ({state.label}) | {to} |"


# -- Settings -------------------------------------------------------------------------------------
def variables() -> Iterator[str]:
    """List the variables of .env.example with what is said about them there."""
    yield from ["# Settings", "", NOTE, ""]
    yield "All are variables of the environment; `.env.example` is the same list as a file to copy."
    grouped: dict[str, list[str]] = defaultdict(list)
    section, said = "", list[str]()
    for line in Path(settings.BASE_DIR, ".env.example").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"# -- (.+) --", line):
            section = heading[1]
        elif line.startswith("# "):
            said.append(line[2:])
            continue
        elif "=" in line:
            name, _, default = line.partition("=")
            words = " ".join(said).replace("|", "\\|")
            grouped[section].append(f"| `{name}` | {f'`{default}`' if default else ''} | {words} |")
        said = []
    for title, rows in grouped.items():
        yield from ["", f"## {title}", "", *_head("Variable", "Default", "Meaning")]
        yield from rows
