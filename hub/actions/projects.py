"""Projects: made in the house, changed and paused in themselves."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from hub import access
from hub.actor import Actor
from hub.errors import Conflict, Invalid, NotFound
from hub.models import HOUSE, Member, MemberKind, Project, ProjectClock, User
from hub.models.projects import project_lock
from hub.registry import action
from hub.schemas import Line, Paragraph, ProjectOut
from hub.text import slug

from . import channels, events, members

Source = Annotated[str, Field(max_length=500, pattern=r"^$|^[^-\s][^\r\n\x00]*$")]
Command = Annotated[str, Field(max_length=500)]
Branch = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=120)]
Provider = Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=40)]
Title = Annotated[str, Field(min_length=1, max_length=80, pattern=r"\S")]
CallsPerHour = Annotated[int, Field(ge=1, le=100_000, description="model calls within an hour")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=40)]

_providers: set[str] = set()


def offer_providers(names: Iterable[str]) -> None:
    """Tell which programs can play agents; whoever has them says so at the start."""
    _providers.update(names)


@action("project.create", needs="house", returns=ProjectOut)
def create(
    actor: Actor,
    name: Annotated[str, Field(min_length=1, max_length=80)],
    *,
    repository: Source = "",
    base_branch: Branch = "main",
    check_command: Command = "",
    purpose: Paragraph = "",
    script: Annotated[str, Field(max_length=80)] = "",
) -> Project:
    """Make a project with its channels; you become its owner.

    `repository` is the path or URL of a git repository, `check_command` what must pass before a
    merge. Raises Conflict when there is one of that name, Forbidden outside the house.
    """
    access.refuse_unless(
        ok=actor.project_id == HOUSE, words="Projects are made in the house.", code="house.only"
    )
    address = slug(name, 40) or "project"
    if Project.objects.filter(slug=address).exists():
        raise Conflict(f"There is a project {address} already.", code="project.name_taken")
    project = Project.objects.create(
        slug=address,
        name=name,
        purpose=purpose,
        repository=repository,
        base_branch=base_branch,
        check_command=check_command,
        script=script,
        created_at=actor.now,
    )
    ProjectClock.objects.create(project=project)
    events.record(actor, "project.created", f"project:{project.pk}", slug=address)
    with project_lock(project.pk):
        _furnish(actor, project)
    return project


def _furnish(actor: Actor, project: Project) -> None:
    hub = Member.objects.create(
        project=project, kind=MemberKind.HUB, name="Parley", role="hub", created_at=actor.now
    )
    own = Actor(
        member_id=hub.pk,
        project_id=project.pk,
        entry=actor.entry,
        capabilities=frozenset({"hub"}),
        clock=actor.now,
    )
    events.record(own, "project.opened", f"project:{project.pk}")
    for kind, name, topic in channels.STANDARD:
        channels.make(own, kind, name, topic)
    founder = User.objects.get(pk=actor.user_id) if actor.user_id else None
    if founder is not None:
        members.add(own, members.name_of(founder), "owner", user_id=founder.pk)


@action("project.update", needs="manage", returns=ProjectOut)
def update(
    actor: Actor,
    *,
    repository: Source | None = None,
    base_branch: Branch | None = None,
    check_command: Command | None = None,
    purpose: Paragraph | None = None,
    provider: Provider | None = None,
    merge_needs_person: bool | None = None,
    requires_plan: bool | None = None,
    name: Title | None = None,
    allows_network: bool | None = None,
    session_calls_per_hour: CallsPerHour | None = None,
    objective_calls_per_hour: CallsPerHour | None = None,
) -> Project:
    """Change the project's settings; what is left out stays as it is.

    Sessions that run keep their provider. Raises Invalid `provider.unknown`.
    """
    project = access.get_project(actor)
    if provider is not None and provider not in _providers:
        known = ", ".join(sorted(_providers))
        raise Invalid(
            f"There is no provider {provider}; known are {known}.", code="provider.unknown"
        )
    wanted = {
        "repository": repository,
        "base_branch": base_branch,
        "check_command": check_command,
        "purpose": purpose,
        "provider": provider,
        "merge_needs_person": merge_needs_person,
        "requires_plan": requires_plan,
        "name": name,
        "allows_network": allows_network,
        "session_calls_per_hour": session_calls_per_hour,
        "objective_calls_per_hour": objective_calls_per_hour,
    }
    changes = {name: value for name, value in wanted.items() if value is not None}
    Project.objects.filter(pk=project.pk).update(**changes)
    events.record(actor, "project.changed", f"project:{project.pk}", changed=sorted(changes))
    project.refresh_from_db()
    return project


@action("project.pause", needs="staff", returns=ProjectOut, chat="!pause")
def pause(actor: Actor, *, reason: Line = "") -> Project:
    """Let no session of this project begin another turn until it is resumed.

    In the house project this stops everything.
    """
    project = access.get_project(actor)
    if not Project.objects.filter(pk=project.pk, paused_at=None).update(paused_at=actor.now):
        raise Conflict("It is paused already.", code="project.paused")
    events.record(actor, "project.paused", f"project:{project.pk}", reason=reason)
    project.paused_at = actor.now
    return project


@action("project.resume", needs="staff", returns=ProjectOut, chat="!resume")
def resume(actor: Actor) -> Project:
    """Let the sessions of a paused project go on."""
    project = access.get_project(actor)
    rows = Project.objects.filter(pk=project.pk, paused_at__isnull=False)
    if not rows.update(paused_at=None):
        raise Conflict("It is not paused.", code="project.not_paused")
    events.record(actor, "project.resumed", f"project:{project.pk}")
    project.paused_at = None
    return project


@action("project.archive", needs="manage", returns=ProjectOut)
def archive(actor: Actor) -> Project:
    """Close the project: its sessions stop, its pages are gone, and nothing is deleted.

    The house brings it back with project.restore. Raises Conflict for the house itself.
    """
    project = access.get_project(actor)
    if project.pk == HOUSE:
        raise Conflict("The house stays.", code="project.house_stays")
    if project.archived_at is not None:
        raise Conflict("It is archived already.", code="project.archived")
    paused_at = project.paused_at or actor.now
    Project.objects.filter(pk=project.pk).update(archived_at=actor.now, paused_at=paused_at)
    events.record(actor, "project.archived", f"project:{project.pk}")
    project.archived_at, project.paused_at = actor.now, paused_at
    return project


@action("project.restore", needs="house", returns=ProjectOut)
def restore(actor: Actor, project: Slug) -> Project:
    """Open an archived project again; it is paused until somebody resumes it.

    Raises NotFound for an unknown one, Conflict for one that is open, Forbidden outside the house.
    """
    access.refuse_unless(
        ok=actor.project_id == HOUSE, words="The house brings projects back.", code="house.only"
    )
    row = Project.objects.filter(slug=project).first()
    if row is None:
        raise NotFound("There is no such project.", code="project.unknown")
    if not Project.objects.filter(pk=row.pk, archived_at__isnull=False).update(archived_at=None):
        raise Conflict("It is not archived.", code="project.not_archived")
    events.record(actor, "project.restored", f"project:{row.pk}", slug=row.slug)
    row.archived_at = None
    return row


def is_paused(project: Project) -> bool:
    """Tell whether the project, or everything, is paused."""
    house = Project.objects.get(pk=HOUSE)
    return project.paused_at is not None or house.paused_at is not None


@action("project.show", needs="read", returns=ProjectOut, writes=False)
def show(actor: Actor) -> Project:
    """Show the project's settings."""
    return access.get_project(actor)
