"""Events in words: what the log page, the home page and thin lines say of a fact."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from hub.models import Event, Project
from hub.policy.roles import roles

_sentences: dict[str, str] = {
    "budget.raised": "raised the budget of the {scope} {of} in",
    "budget.set": "set the budget of the {scope} {of} in",
    "artifact.added": "left a {kind}:",
    "channel.archived": "archived",
    "channel.created": "opened",
    "decision.answered": "answered",
    "decision.asked": "asked",
    "decision.canceled": "withdrew",
    "decision.handed_over": "handed over to {to}",
    "house.lifted": "lifted the stop of everything",
    "house.stopped": "stopped everything",
    "member.joined": "added {name} as {role}",
    "member.retired": "retired {name}",
    "member.role_changed": "made {name} {role}",
    "message.deleted": "took back message {message} in",
    "message.edited": "edited message {message} in",
    "message.posted": "wrote in",
    "message.reacted": "reacted to message {message} in",
    "objective.canceled": "canceled",
    "objective.failed": "gave up",
    "objective.opened": "asked for",
    "objective.succeeded": "finished",
    "project.archived": "archived the project",
    "project.changed": "changed the project's settings",
    "project.created": "made the project {slug}",
    "project.opened": "opened the project",
    "project.paused": "paused the project",
    "project.restored": "brought the project {slug} back",
    "project.resumed": "resumed the project",
    "role.changed": "changed the settings of the {role}",
    "task.advanced": "moved to {phase}:",
    "task.assigned": "gave {to} the task",
    "task.blocked": "let #{by} go before",
    "task.claimed": "claimed",
    "task.declined": "declined",
    "task.done": "finished",
    "task.dropped": "dropped",
    "task.handed_over": "handed over to {to}",
    "task.lapsed": "opened again, because its claim ran out,",
    "task.opened": "opened",
    "task.phase_skipped": "let skip from {phase_before} to {phase}:",
    "task.released": "gave back",
    "task.round_allowed": "allowed one more round for",
    "task.stopped": "used up the rounds of fixing of",
    "task.unblocked": "set free",
    "trouble.acknowledged": "looks after",
    "trouble.repeated": "met again ({count} times)",
    "trouble.reported": "reported",
    "trouble.resolved": "resolved",
    "trouble.unheard": "asked the people about",
    "token.created": "made a token called {label}",
    "token.revoked": "revoked a token",
}
_places: dict[str, tuple[str, str]] = {
    "budget": ("costs", "costs"),
    "channel": ("channel", "channel {number}"),
    "decision": ("decisions", "{kind} {number}"),
    "objective": ("objective", "objective {number}"),
    "task": ("task", "#{number}"),
    "trouble": ("errors", "trouble {number}"),
    "message": ("message", "message {number}"),
    "artifact": ("results", "result {number}"),
}
_listed = {"artifact", "budget", "decision", "trouble"}


def add(
    sentences: Mapping[str, str],
    places: Mapping[str, tuple[str, str]],
    listed: Iterable[str] = (),
) -> None:
    """Teach the log an application's events, and where its subjects are shown.

    A sentence may name the event's facts; a place is a URL's name and the words of the link.
    Subjects that are `listed` share one page.
    """
    _sentences.update(sentences)
    _places.update(places)
    _listed.update(listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event in words, with the link to what it is about."""

    event: Event
    sentence: str
    link: str
    linked: str


def _facts(event: Event) -> "_Facts":
    """Give an event's facts with its role as people read it."""
    found = _Facts(event.facts)
    role = roles().get(str(found.get("role")))
    return _Facts(found | {"role": role.title.lower()}) if role else found


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def told(event: Event, project: Project) -> Told:
    """Put one event into words."""
    kind = event.subject.partition(":")[0]
    pattern = _sentences.get(event.name) or event.name.replace(".", " ").replace("_", " ")
    if event.name == "member.retired" and event.facts.get("name") == event.actor.name:
        pattern = "left"
    link, linked = place(event.subject, project, _facts(event))
    if link and kind == "channel" and event.channel:
        linked = f"#{event.channel.name}"
    return Told(event=event, sentence=pattern.format_map(_facts(event)), link=link, linked=linked)


def place(
    subject: str, project: Project, facts: Mapping[str, Any] | None = None
) -> tuple[str, str]:
    """Give where a subject ("task:12") is shown and the words of a link to it, or nothing."""
    kind, _, number = subject.partition(":")
    if kind not in _places or not number.isdecimal():
        return "", ""
    page, shown = _places[kind]
    args = [project.slug] if kind in _listed else [project.slug, int(number)]
    link = reverse(page, args=args) + (f"#{kind}-{number}" if kind in _listed else "")
    return link, shown.format_map(_Facts({**(facts or {}), "number": number}))


def tell(events: Iterable[Event], project: Project) -> list[Told]:
    """Put events into words, in their order."""
    return [told(event, project) for event in events]
