"""Notes and artifacts: left on purpose, written once, cited in hand-offs."""

from typing import Annotated, Any, Literal

from django.db.models import Max
from pydantic import Field

from hub import access
from hub.actor import Actor
from hub.errors import Invalid
from hub.models import Artifact, ArtifactKind, Objective, Task, Visibility
from hub.registry import action
from hub.schemas import ArtifactDetail, ArtifactOut, Limit, Number, TaskRef
from hub.text import mask

from . import events

MAX_NOTE_CHARS = 1_200
MAX_TEXT_CHARS = 100_000
Title = Annotated[str, Field(min_length=1, max_length=160)]
Summary = Annotated[str, Field(max_length=MAX_NOTE_CHARS)]
# A place that others can open: never one that a browser would run.
Place = Annotated[
    str,
    Field(
        max_length=500,
        pattern=r"^$|^https?://[^\s<>\"]+$|^[A-Za-z0-9_.][A-Za-z0-9_./ -]*$",
        description="http(s) address, or a path in the repository",
    ),
]


@action("note.create", needs="talk", returns=ArtifactOut)
def note(
    actor: Actor,
    title: Title,
    text: Annotated[str, Field(min_length=1, max_length=MAX_NOTE_CHARS)],
    *,
    task: TaskRef | None = None,
    objective: Number | None = None,
) -> Artifact:
    """Leave a short note that outlives your session: a finding, a decision and its reason.

    Cite it by its number when you finish, and whoever started you gets it.
    """
    about = _About.of(actor, task, objective)
    return _add(actor, about, ArtifactKind.NOTE, title, summary=mask(text))


@action("artifact.add", needs="talk", returns=ArtifactOut)
def add(
    actor: Actor,
    kind: Literal["file", "patch", "report", "benchmark", "build", "other"],
    title: Title,
    *,
    summary: Summary = "",
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] = "",
    uri: Place = "",
    visibility: Literal["primary", "secondary", "debug"] = "primary",
    task: TaskRef | None = None,
    objective: Number | None = None,
) -> Artifact:
    """Keep a lasting result with its content or the place where it lies; it is never changed.

    Raises Invalid when it has neither.
    """
    if not text.strip() and not uri:
        raise Invalid(
            "An artifact has a text, or a uri that says where it lies.", code="artifact.empty"
        )
    return _add(
        actor,
        _About.of(actor, task, objective),
        ArtifactKind(kind),
        title,
        summary=mask(summary),
        text=mask(text),
        uri=mask(uri),
        visibility=Visibility(visibility),
    )


class _About:
    """What an artifact belongs to; a task's objective is its own."""

    def __init__(self, task: Task | None, objective: Objective | None) -> None:
        self.task = task
        self.objective = objective or (task.objective if task else None)

    @classmethod
    def of(cls, actor: Actor, task: int | str | None, objective: int | None) -> "_About":
        return cls(
            access.get_task(actor, task) if task else None,
            access.get_objective(actor, objective) if objective else None,
        )


def _add(actor: Actor, about: _About, kind: ArtifactKind, title: str, **content: str) -> Artifact:
    rows = Artifact.objects.filter(project_id=actor.project_id)
    row = Artifact.objects.create(
        project_id=actor.project_id,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        kind=kind,
        title=mask(title),
        task=about.task,
        objective=about.objective,
        author=access.me(actor),
        at=actor.now,
        **content,
    )
    facts: dict[str, Any] = {}
    if about.task:
        facts["task"] = about.task.number
    if about.objective:
        facts["objective"] = about.objective.number
    events.record(actor, "artifact.added", f"artifact:{row.number}", kind=kind.value, **facts)
    return row


@action("artifact.list", needs="read", returns=list[ArtifactOut], writes=False)
def listing(
    actor: Actor,
    *,
    task: TaskRef | None = None,
    objective: Number | None = None,
    debug: bool = False,
    limit: Limit = 50,
) -> list[Artifact]:
    """List notes and artifacts without their content, the newest first.

    `debug` lists also what was kept only for debugging.
    """
    rows = Artifact.objects.filter(project_id=actor.project_id)
    if task:
        rows = rows.filter(task=access.get_task(actor, task))
    if objective:
        rows = rows.filter(objective=access.get_objective(actor, objective))
    if not debug:
        rows = rows.exclude(visibility=Visibility.DEBUG)
    related = ("author", "task", "objective")
    return list(rows.select_related(*related).order_by("-number")[:limit])


@action("artifact.show", needs="read", returns=ArtifactDetail, writes=False)
def show(actor: Actor, artifact: Number) -> Artifact:
    """Show a note or an artifact with its content."""
    return access.get_artifact(actor, artifact)
