"""Who is in the team and what each does, in words."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.urls import reverse

from hub.models import Event, Member, MemberKind, Project

from . import live

PRESENCE = {"here": "online", "busy": "waiting", "away": "away"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What one member does now. `state` names the colour of the dot, `url` where to see more."""

    state: str
    words: str
    url: str = ""
    is_rehearsal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mate:
    """A member as the rail and the team page show it."""

    member: Member
    state: str
    words: str
    url: str
    rehearsal: bool


Source = Callable[[Project], dict[int, Doing]]

_sources: list[Source] = []


def source(found: Source) -> None:
    """Register who knows what members do: a project to Doing by member id."""
    _sources.append(found)


def members(project: Project) -> list[Member]:
    """Load the members who take part, people first, then by name."""
    rows = Member.objects.filter(project=project, retired_at=None).exclude(kind=MemberKind.HUB)
    return list(rows.select_related("presence").order_by("-kind", "name"))


def mates(project: Project, rows: list[Member]) -> list[Mate]:
    """Say what each of the members does."""
    doing: dict[int, Doing] = {}
    for find in _sources:
        doing.update(find(project))
    home = reverse("team", args=[project.slug])
    return [_mate(row, doing.get(row.pk) or _present(row), home) for row in rows]


def _mate(row: Member, doing: Doing, home: str) -> Mate:
    return Mate(
        member=row,
        state=doing.state,
        words=doing.words,
        url=doing.url or f"{home}#member-{row.pk}",
        rehearsal=doing.is_rehearsal,
    )


def _present(row: Member) -> Doing:
    presence = getattr(row, "presence", None)
    if presence is None:
        return Doing(state="away", words="")
    return Doing(state=PRESENCE.get(presence.state, "away"), words=presence.note)


def parts(project: Project, rows: list[Member]) -> Iterator[live.Part]:
    """Render the members' lines in the rail and on the team page."""
    for mate in mates(project, rows):
        context = {"mate": mate, "project": project}
        yield live.part(["project"], "hub/_mate.html", context)
        yield live.part(["team"], "hub/_member.html", context)


@live.on("member.joined", "member.retired")
def _changed(event: Event) -> Iterable[live.Part]:
    row = Member.objects.select_related("presence").get(pk=live.number_of(event))
    if row.kind == MemberKind.HUB:
        return []
    context = {"mate": mates(event.project, [row])[0], "project": event.project}
    return [live.part(["project"], "hub/_mate_live.html", context)]
