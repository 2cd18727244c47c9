"""From an event of the log to the parts that change: rendered once, for every socket.

A part is the same bytes for everybody who may see its topic. Topics: "project", "board", "costs",
"log", "decisions", "channel:5", "task:12", "member:9" and what the applications above add.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from hub import access
from hub.actor import Actor
from hub.errors import Invalid
from hub.models import Event, Project


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a page that htmx puts in place, for whoever watches one of the topics."""

    topics: frozenset[str]
    html: str


Loader = Callable[[Event], Iterable[Part]]
RingLoader = Callable[[Project, int, int], Iterable[Part]]
Check = Callable[[Actor, int], object]
OPEN_TOPICS = frozenset(
    {"project", "board", "costs", "log", "decisions", "team", "home", "troubles", "results"}
)


def _own(actor: Actor, number: int) -> None:
    if number != actor.member_id:
        raise Invalid("Another member's topic is not yours.", code="topic.not_yours")


_checks: dict[str, Check] = {
    "channel": access.get_channel,
    "member": _own,
    "task": access.get_task,
    "thread": access.get_message,
}
_loaders: dict[str, list[Loader]] = {}
_ring_loaders: dict[str, RingLoader] = {}


def topic(kind: str, check: Check) -> None:
    """Register a kind of numbered topics; `check` raises a HubError for what is out of reach."""
    _checks[kind] = check


def check_topic(actor: Actor, name: str) -> None:
    """Refuse a topic that does not exist or is not the actor's to watch. Raises HubError."""
    if name in OPEN_TOPICS:
        return
    kind, _, number = name.partition(":")
    if kind not in _checks or not number.isascii() or not number.isdecimal():
        raise Invalid(f"There is no topic {name}.", code="topic.unknown")
    _checks[kind](actor, int(number[:18]))


def on(*names: str) -> Callable[[Loader], Loader]:
    """Register a loader for events: by name, or with "task." for all of one noun."""

    def register(loader: Loader) -> Loader:
        for name in names:
            _loaders.setdefault(name, []).append(loader)
        return loader

    return register


def on_ring(kind: str, loader: RingLoader) -> None:
    """Register what a ring without event ("session:3", 17) brings: loader of both its numbers."""
    _ring_loaders[kind] = loader


def part(topics: Iterable[str], template: str, context: Mapping[str, Any]) -> Part:
    """Render one part as the socket sends it: the page's template, marked for its place."""
    html = render_to_string(template, {**context, "live": True})
    return Part(frozenset(topics), html)


def parts_of(event: Event) -> list[Part]:
    """Render all parts that an event changes. The event's project, actor and channel are loaded."""
    noun = event.name.partition(".")[0] + "."
    loaders = [*_loaders.get(event.name, []), *_loaders.get(noun, []), *_loaders.get("*", [])]
    return [found for loader in loaders for found in loader(event)]


def parts_of_ring(project: Project, topic: str, seq: int) -> list[Part]:
    """Render what a ring without event changes; unknown topics change nothing."""
    kind, _, number = topic.partition(":")
    loader = _ring_loaders.get(kind)
    return list(loader(project, int(number), seq)) if loader and number.isdecimal() else []


def number_of(event: Event) -> int:
    """Give the number in an event's subject ("task:12" is 12); 0 when there is none."""
    number = event.subject.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0
