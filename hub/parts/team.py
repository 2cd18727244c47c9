"""Who is in the team and what each does, in words."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from django.urls import reverse
from django.utils.safestring import SafeString

from hub.models import Event, Member, MemberKind, Project

from . import live, panels

PRESENCE = {"here": "online", "busy": "waiting", "away": "away"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What one member does now. `state` names the colour of the dot, `url` where to see more.

    `share` is the used part of its context, 0 to 100; `row` is what its card's panels show.
    """

    state: str
    words: str
    url: str = ""
    is_rehearsal: bool = False
    share: int = 0
    row: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mate:
    """A member as the rail and the team page show it."""

    member: Member
    state: str
    words: str
    url: str
    rehearsal: bool
    share: int
    row: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A member as the team page shows it: with facts, and with what can be done."""

    mate: Mate
    facts: SafeString
    buttons: SafeString


class Source(Protocol):
    """Who knows what members do: their ids to Doing; with `detail` also what a card shows."""

    def __call__(
        self, project: Project, members: Collection[int], *, detail: bool
    ) -> dict[int, Doing]: ...


_sources: list[Source] = []


def source(found: Source) -> None:
    """Register who knows what members do."""
    _sources.append(found)


def members(project: Project) -> list[Member]:
    """Load the members who take part, people first, then by name."""
    rows = Member.objects.filter(project=project, retired_at=None).exclude(kind=MemberKind.HUB)
    return list(rows.select_related("presence").order_by("-kind", "name"))


def mates(project: Project, rows: list[Member], *, detail: bool = False) -> list[Mate]:
    """Say what each of the members does; with `detail` also what their cards show."""
    doing: dict[int, Doing] = {}
    agents = [row.pk for row in rows if row.kind == MemberKind.AGENT]
    for find in _sources if agents else ():
        doing.update(find(project, agents, detail=detail))
    home = reverse("team", args=[project.slug])
    return [_mate(row, doing.get(row.pk) or _present(row), home) for row in rows]


def cards(project: Project, found: list[Mate]) -> list[Card]:
    """Add to members with detail what the applications show on their cards."""
    context = {"project": project}
    facts = panels.render_each("agent", found, context)
    buttons = panels.render_each("agent-do", found, context)
    return [
        Card(mate=mate, facts=about, buttons=todo)
        for mate, about, todo in zip(found, facts, buttons, strict=True)
    ]


def _mate(row: Member, doing: Doing, home: str) -> Mate:
    return Mate(
        member=row,
        state=doing.state,
        words=doing.words,
        url=doing.url or f"{home}#member-{row.pk}",
        rehearsal=doing.is_rehearsal,
        share=doing.share,
        row=doing.row,
    )


def _present(row: Member) -> Doing:
    presence = getattr(row, "presence", None)
    if presence is None:
        return Doing(state="away", words="")
    return Doing(state=PRESENCE.get(presence.state, "away"), words=presence.note)


def parts(project: Project, rows: list[Member]) -> Iterator[live.Part]:
    """Render the members' lines in the rail and their cards on the team page."""
    for card in cards(project, mates(project, rows, detail=True)):
        context = {"mate": card.mate, "card": card, "project": project}
        yield live.part(["project"], "hub/_mate.html", context)
        yield live.part(["team"], "hub/_member.html", context)


@live.on("member.joined", "member.retired")
def _changed(event: Event) -> Iterable[live.Part]:
    row = Member.objects.select_related("presence").get(pk=live.number_of(event))
    if row.kind == MemberKind.HUB:
        return []
    card = cards(event.project, mates(event.project, [row], detail=True))[0]
    context = {"mate": card.mate, "card": card, "project": event.project}
    found = [live.part(["project"], "hub/_mate_live.html", context)]
    if row.kind == MemberKind.AGENT:
        found.append(live.part(["team"], "hub/_member_live.html", context))
    return found
