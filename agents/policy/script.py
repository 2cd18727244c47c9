"""The rehearsal's scripts: TOML into steps, news into matches, templates into arguments. Pure.

A script is a list of steps for each part. A part is a role, or `role:task-name` for one task.
A step waits for news (`wait`), applies only `when` variables contain words, and then says one
thing (`say`) and makes calls (`call`). Without calls it ends the turn.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hub.errors import Invalid

FOLDER = Path(__file__).resolve().parent.parent / "scripts"
FIELD = re.compile(r"\{([a-z_.0-9]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What a step waits for: an event's name, and optionally where and with which facts."""

    name: str
    where: str = ""
    contains: str = ""
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call of a step; `save` keeps fields of its answer: variable → field."""

    tool: str
    arguments: Mapping[str, Any]
    save: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One answer of a scripted agent."""

    waits: tuple[Wait, ...]
    when: Mapping[str, str]
    say: str
    calls: tuple[Call, ...]

    def applies(self, variables: Mapping[str, Any]) -> bool:
        """Tell whether each variable that `when` names contains the words given there."""
        return all(
            words.lower() in str(variables.get(name, "")).lower()
            for name, words in self.when.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole rehearsal: its title, the sentence a person says, and everybody's part."""

    name: str
    title: str
    objective: str
    answers: Mapping[str, str]
    parts: Mapping[str, tuple[Step, ...]]

    def part(self, role: str, task: str) -> tuple[Step, ...]:
        """Give the steps of a role, those made for the task first."""
        return self.parts.get(f"{role}:{task}") or self.parts.get(role, ())


@cache
def load(name: str) -> Script:
    """Read a bundled script. Raises Invalid for an unknown name."""
    path = FOLDER / f"{name}.toml"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not path.is_file():
        raise Invalid(f"There is no rehearsal script {name}.", code="script.unknown")
    return parse(name, path.read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Script:
    """Read a script's TOML."""
    table = tomllib.loads(text)
    return Script(
        name=name,
        title=table["title"],
        objective=table["objective"],
        answers=table.get("answers", {}),
        parts={
            part: tuple(_step(step) for step in steps) for part, steps in table["parts"].items()
        },
    )


def _step(table: Mapping[str, Any]) -> Step:
    waits = table.get("wait", [])
    return Step(
        waits=tuple(_wait(wait) for wait in (waits if isinstance(waits, list) else [waits])),
        when=table.get("when", {}),
        say=table.get("say", ""),
        calls=tuple(
            Call(
                tool=call["tool"],
                arguments={k: v for k, v in call.items() if k not in {"tool", "save"}},
                save=call.get("save", {}),
            )
            for call in table.get("call", [])
        ),
    )


def _wait(table: Mapping[str, Any]) -> Wait:
    facts = {k: v for k, v in table.items() if k not in {"name", "where", "contains"}}
    return Wait(
        name=table["name"],
        where=table.get("where", ""),
        contains=table.get("contains", ""),
        facts=facts,
    )


def match(waits: Sequence[Wait], news: Sequence[Mapping[str, Any]]) -> int | None:
    """Find the first piece of news that one of the waits means; None when there is none yet."""
    for index, item in enumerate(news):
        if any(_means(wait, item) for wait in waits):
            return index
    return None


def _means(wait: Wait, item: Mapping[str, Any]) -> bool:
    return (
        item["name"] == wait.name
        and item["where"].startswith(wait.where)
        and wait.contains.lower() in item["text"].lower()
        and all(item["facts"].get(key) == value for key, value in wait.facts.items())
    )


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """Put variables into a template, deeply; a lone `{name}` keeps the variable's type."""
    if isinstance(value, str):
        lone = FIELD.fullmatch(value)
        if lone:
            return variables.get(lone[1], value)
        return FIELD.sub(lambda found: str(variables.get(found[1], found[0])), value)
    if isinstance(value, Mapping):
        return {key: fill(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, variables) for item in value]
    return value


def facts_of(brief: str) -> dict[str, Any]:
    """Read the lines `name: value` of a brief as variables `brief.name`; digits become numbers."""
    found: dict[str, Any] = {}
    for line in brief.splitlines():
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[a-z_]+", name.strip()):
            text = value.strip()
            found[f"brief.{name.strip()}"] = int(text) if text.isdigit() else text
    return found
