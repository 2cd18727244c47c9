"""From a parsed chat command to an action: which one, with which arguments, and what to answer."""

from dataclasses import dataclass
from typing import Any

from hub import faults, registry
from hub.actor import Actor
from hub.errors import HubError, NotFound
from hub.models import Message
from hub.protocol import Command, parse
from hub.registry import ACTIONS, Action

BLOCKED_BY = "blocked-by-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the commands of one message led to: words of refusal, and words of answer."""

    refusal: str
    reply: str


def carry_out(actor: Actor, message: Message) -> Outcome:
    """Call the actions that a message's lines name, as its author, each once."""
    parsed = parse(message.text)
    refusals = [hint.sentence for hint in parsed.hints]
    replies = []
    for index, command in enumerate(parsed.commands):
        faults.passed("message.command")
        try:
            found = action_for(command)
            payload = arguments(found, command)
            answer = registry.call(actor, found.name, payload, f"message:{message.seq}:{index}")
        except HubError as error:
            refusals.append(error.message)
        else:
            replies.append(words(found, answer))
    return Outcome(refusal="\n".join(refusals), reply="\n".join(filter(None, replies)))


def action_for(command: Command) -> Action:
    """Find the action that a verb or `!command` means. Raises NotFound, with what to try."""
    for found in ACTIONS.values():
        if command.verb in found.chat:
            return found
    raise NotFound(
        f"Nothing here handles {command.verb} yet; it stays a message. Try !help.",
        code="command.unknown",
    )


def arguments(found: Action, command: Command) -> dict[str, Any]:
    """Fit a command's fields, or its words in order, to an action's parameters."""
    names = found.payload.model_fields
    if command.args:
        last = max(len(found.words) - 1, 0)
        given = [*command.args[:last], " ".join(command.args[last:])]
        spoken = zip(found.words or ("words",), given, strict=False)
        return {name: word for name, word in spoken if word}
    values = dict(command.fields)
    blockers = [tag.removeprefix(BLOCKED_BY) for tag in command.tags if tag.startswith(BLOCKED_BY)]
    if blockers:
        values["waiting-for"] = ",".join(filter(None, [values.get("waiting-for"), *blockers]))
    fields = {
        found.chat_fields.get(key, key.replace("-", "_")): value for key, value in values.items()
    }
    return {name: value for name, value in fields.items() if name in names}


def words(found: Action, answer: Any) -> str:
    """Say in the channel what a command answered; most actions speak through their events."""
    if not isinstance(answer, dict):
        return ""
    if "TASK:" in found.chat:
        to = f", for {answer['assignee']}" if answer["assignee"] else ""
        return f"Task #{answer['number']} {answer['name']} is open{to}."
    text = answer.get("text", "")
    return text if isinstance(text, str) and set(answer) <= {"text", "actions"} else ""
