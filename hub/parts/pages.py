"""The door of every page: who looks, what frames the content, how a refusal is shown."""

import functools
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote

from django.contrib.auth.views import redirect_to_login
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from hub import access, identify, registry
from hub.actor import Actor
from hub.errors import HubError, NotFound
from hub.models import (
    HOUSE,
    Channel,
    ChannelKind,
    Decision,
    Member,
    Message,
    Project,
    ReadMark,
    Trouble,
    TroubleState,
    User,
)
from hub.policy.roles import capabilities_of

from . import asking, notices, team

GROUPS = {
    ChannelKind.PROJECT: "Project",
    ChannelKind.STANDUP: "Standup",
    ChannelKind.WORK: "Work",
    ChannelKind.ERRORS: "Errors",
    ChannelKind.LOBBY: "Lobby",
    ChannelKind.DIRECT: "Direct",
}
MAX_CHANNELS = 60
MAX_PROJECTS = 20

Arguments = ParamSpec("Arguments")


@dataclass(frozen=True, slots=True)
class Group:
    """Channels of one kind in the rail."""

    kind: str
    title: str
    rows: list[Channel]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette."""

    words: str
    url: str
    icon: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds the content of every page of a project."""

    project: Project
    member: Member
    may: str
    seq: int
    live: str
    page: str
    channel: int | None
    channels: list[Group]
    team: list[team.Mate]
    decisions: list[Decision]
    notices: list[str]
    projects: list[Project]
    stopped_at: datetime | None
    may_stop: bool
    palette: list[Entry]
    troubles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a member of a project."""

    request: HttpRequest
    actor: Actor
    project: Project
    seq: int
    stopped_at: datetime | None = None
    may_stop: bool = False
    troubles: int = 0

    def render(
        self,
        template: str,
        context: dict[str, Any],
        *,
        page: str,
        topics: Iterable[str] = (),
        status: int = 200,
    ) -> HttpResponse:
        """Render a page in its frame, with one live socket for its topics."""
        framed = {
            **context,
            "frame": _frame(self, page, context, topics),
            "project": self.project,
            "key": secrets.token_urlsafe(9),
        }
        return render(self.request, template, framed, status=status)


View = Callable[Concatenate[Visit, Arguments], HttpResponse]


def in_project(view: View[Arguments]) -> Callable[..., HttpResponse]:
    """Let a view run for a member of the project in its address; refuse others in words."""

    @functools.wraps(view)
    def entered(
        request: HttpRequest, slug: str, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_login(request)
        try:
            return view(visit_of(request, slug), *args, **kwargs)
        except HubError as error:
            return refused(request, error)

    return entered


def visit_of(request: HttpRequest, slug: str) -> Visit:
    """Find the viewer's member and project. Raises NotFound for outsiders."""
    house = Project.objects.filter(pk=HOUSE).values("paused_at")
    there = Member.objects.filter(project_id=HOUSE, user_id=OuterRef("user_id"), retired_at=None)
    troubles = (
        Trouble.objects.filter(project=OuterRef("project"), state=TroubleState.OPEN)
        .order_by()
        .values("project")
        .annotate(found=Count("pk"))
    )
    rows: QuerySet[Any] = Member.objects.select_related("project__clock").annotate(
        stopped_at=Subquery(house[:1]),
        house_role=Subquery(there.values("role")[:1]),
        open_troubles=Coalesce(Subquery(troubles.values("found")[:1]), 0),
    )
    actor, found = identify.of_user_in(rows, request.user, slug)
    member: Any = found  # with what was annotated
    project = member.project
    return Visit(
        request=request,
        actor=actor,
        project=project,
        seq=project.clock.seq,
        stopped_at=member.stopped_at,
        may_stop="house" in capabilities_of(member.house_role or ""),
        troubles=member.open_troubles,
    )


def is_htmx(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a fragment."""
    return request.headers.get("HX-Request") == "true"


def to_login(request: HttpRequest) -> HttpResponse:
    """Send a stranger to the login; an htmx request reloads its whole page for it."""
    if is_htmx(request):
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())


def refused(request: HttpRequest, error: HubError) -> HttpResponse:
    """Answer a refusal: a fragment for htmx, else a page that says it."""
    if is_htmx(request):
        answer = render(request, "hub/_refusal.html", {"error": error}, status=error.status)
        answer["HX-Retarget"] = "#refusals"
        answer["HX-Reswap"] = "beforeend"
        return answer
    template = "404.html" if isinstance(error, NotFound) else "403.html"
    return render(request, template, {"exception": error}, status=error.status)


def _frame(visit: Visit, page: str, context: dict[str, Any], topics: Iterable[str]) -> Frame:
    """Make the frame; what the page has loaded already (`mates`, `waiting`) is not asked twice."""
    project, actor = visit.project, visit.actor
    channel = context.get("channel")
    mates = context.get("mates")
    if mates is None:
        mates = team.mates(project, team.members(project))
    waiting = context.get("waiting")
    channels = channels_of(actor)
    rows = (mate.member for mate in mates)
    mine = next((row for row in rows if row.pk == actor.member_id), None) or access.me(actor)
    watched = ",".join(dict.fromkeys(["project", f"member:{actor.member_id}", *topics]))
    return Frame(
        project=project,
        member=mine,
        may=" ".join(sorted(actor.capabilities)),
        seq=visit.seq,
        live=f"/live/{project.slug}/?topics={quote(watched, safe=':,')}",
        page=page,
        channel=channel.number if channel else None,
        channels=_groups(channels),
        team=mates,
        decisions=asking.waiting(project) if waiting is None else waiting,
        notices=notices.lines(),
        projects=projects_of(visit.request.user),
        stopped_at=visit.stopped_at,
        may_stop=visit.may_stop,
        palette=_palette(project, actor, channels),
        troubles=visit.troubles,
    )


def channels_of(actor: Actor) -> list[Channel]:
    """Load the open channels a member may read, each with `unread`."""
    marks = ReadMark.objects.filter(channel=OuterRef("channel"), member_id=actor.member_id)
    news = (
        Message.objects.filter(channel=OuterRef("pk"))
        .exclude(author_id=actor.member_id)
        .filter(seq__gt=Coalesce(Subquery(marks.values("seq")[:1]), 0))
    )
    rows = access.visible_channels(actor).filter(archived_at=None)
    return list(rows.annotate(unread=Exists(news)).order_by("number")[:MAX_CHANNELS])


def _groups(channels: list[Channel]) -> list[Group]:
    return [
        Group(kind.value, title, [row for row in channels if row.kind == kind])
        for kind, title in GROUPS.items()
    ]


def projects_of(user: Any) -> list[Project]:
    """Load the projects that a person takes part in, by name."""
    assert isinstance(user, User), "only people who are logged in see pages"
    mine = Member.objects.filter(user=user, retired_at=None).values("project_id")
    rows = Project.objects.filter(pk__in=mine, archived_at=None).exclude(pk=HOUSE)
    return list(rows.order_by("name")[:MAX_PROJECTS])


def _palette(project: Project, actor: Actor, channels: list[Channel]) -> list[Entry]:
    slug = project.slug
    pages = [
        Entry("Home", reverse("home", args=[slug]), "house", "g h"),
        Entry("Needs you", reverse("decisions", args=[slug]), "inbox", "g n"),
        Entry("Board", reverse("board", args=[slug]), "square-kanban", "g b"),
        Entry("Costs", reverse("costs", args=[slug]), "circle-dollar-sign", "g m"),
        Entry("Team", reverse("team", args=[slug]), "users", "g t"),
        Entry("Errors", reverse("errors", args=[slug]), "triangle-alert", "g e"),
        Entry("Notes and results", reverse("results", args=[slug]), "file", "results"),
        Entry("Log", reverse("events", args=[slug]), "scroll-text", "g l"),
        Entry("Chat clients", reverse("networks", args=[slug]), "message-square", "g i"),
        Entry("Settings", reverse("settings", args=[slug]), "sliders-horizontal", "g s"),
        Entry("All projects", reverse("projects"), "folder-git-2", "g p"),
    ]
    rooms = [
        Entry(f"#{row.name}", reverse("channel", args=[slug, row.number]), "hash", "channel")
        for row in channels
    ]
    actions = [
        Entry(found.summary, reverse("do", args=[slug, found.name]), "zap", found.name)
        for found in registry.allowed(actor)
    ]
    return [*pages, *rooms, *actions]
