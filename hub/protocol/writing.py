"""From a command to the line that means it, and to words for people."""

from collections import defaultdict

from hub.errors import Invalid
from hub.text import clip

from .commands import Command
from .grammar import quote
from .reading import parse
from .verbs import VERBS

_MAX_SHOWN_CHARS = 60


def render(command: Command) -> str:
    """Write a command as the text that reads back as it: fields by key, then tags.

    Raises Invalid, `command.unwritable`, when no text does: a payload of several lines, a brief
    with a blank line, a field that the verb does not take, a line over 4,096 bytes.
    """
    text = _written(command)
    if parse(text).commands != (command,):
        raise Invalid(
            f"No line means this {command.verb}; see its fields and limits.",
            code="command.unwritable",
            verb=command.verb,
        )
    return text


def _written(command: Command) -> str:
    if command.verb in {"TASK:", "TASK?"}:
        to = f"@{command.fields['to']} " if "to" in command.fields else ""
        lines = [f"{command.verb} {to}{command.fields.get('title', '')}"]
        return "\n".join([*lines, *filter(None, [command.fields.get("brief")])])
    fields = [f"{key}={quote(value)}" for key, value in sorted(command.fields.items())]
    tags = [f"#{quote(tag)}" for tag in command.tags]
    args = [quote(arg) for arg in command.args]
    payload = [command.payload] if command.payload else []
    return " ".join([command.verb, *fields, *tags, *args, *payload])


def describe(command: Command) -> str:
    """Say a command in words that follow a name: "claims task 12"."""
    shown = {key: clip(value, _MAX_SHOWN_CHARS) for key, value in command.fields.items()}
    if command.verb in VERBS:
        return VERBS[command.verb].says.format_map(defaultdict(lambda: "?", shown))
    if command.verb in {"TASK:", "TASK?"}:
        to = f" for {shown['to']}" if "to" in shown else ""
        does = "opens a task" if command.verb == "TASK:" else "asks what task would open"
        return f"{does}{to}: {shown.get('title', '?')}"
    return clip(" ".join(["types", command.verb, *command.args]), _MAX_SHOWN_CHARS)
