"""The only door to rows: find, keep within the actor's project, refuse."""

import re
from typing import TypeVar

from django.db.models import Model, QuerySet

from hub import fast
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, NotFound
from hub.models import (
    Artifact,
    Channel,
    Decision,
    Member,
    MemberKind,
    Message,
    Objective,
    Project,
    Task,
    Token,
    Trouble,
)

NUMBER = re.compile(r"#?([0-9]{1,9})")
Row = TypeVar("Row", bound=Model)


def get_project(actor: Actor) -> Project:
    """Give the actor's project."""
    return Project.objects.get(pk=actor.project_id)


def get_member(actor: Actor, name: str) -> Member:
    """Give a member by name, whatever its case, `@` allowed; a retired one only if none is live."""
    wanted = name.removeprefix("@")
    rows = Member.objects.filter(project_id=actor.project_id, name__iexact=wanted)
    row = rows.filter(retired_at=None).first() or rows.order_by("-retired_at").first()
    if row is None:
        raise NotFound(f"Nobody here is called {wanted}.", code="member.unknown", name=wanted)
    return row


def get_live_member(actor: Actor, name: str) -> Member:
    """Give a member who still takes part. Raises Conflict for a retired one."""
    row = get_member(actor, name)
    if row.retired_at is not None:
        raise Conflict(f"{row.name} takes no part any more.", code="member.retired")
    return row


def me(actor: Actor) -> Member:
    """Give the member who acts."""
    row = fast.one(Member, "it.id = %s AND it.project_id = %s", [actor.member_id, actor.project_id])
    assert row is not None, "an actor's member is never removed"
    return row


def visible_channels(actor: Actor) -> QuerySet[Channel]:
    """Select the channels the actor may read."""
    return Channel.objects.filter(project_id=actor.project_id).visible_to(actor.member_id)


def get_channel(actor: Actor, channel: int | str) -> Channel:
    """Give a channel by number or name."""
    row = _numbered(Channel, actor, str(channel).removeprefix("#"))
    if row is None or not row.is_visible_to(actor.member_id):
        raise NotFound(f"There is no channel {channel} here.", code="channel.unknown")
    return row


def _numbered(model: type[Row], actor: Actor, known: int | str, *related: str) -> Row | None:
    """Find a row of the actor's project by its number or its name."""
    number = NUMBER.fullmatch(str(known))
    column, value = ("number", int(number[1])) if number else ("name", str(known))
    where = f"it.project_id = %s AND it.{column} = %s"
    return fast.one(model, where, [actor.project_id, value], *related)


def get_message(actor: Actor, number: int) -> Message:
    """Give a message of a channel that the actor may read."""
    row = (
        Message.objects.filter(project_id=actor.project_id, seq=number)
        .filter(channel__in=visible_channels(actor))
        .select_related("channel", "author")
        .first()
    )
    if row is None:
        raise NotFound(f"There is no message {number} here.", code="message.unknown")
    return row


def get_task(actor: Actor, task: int | str) -> Task:
    """Give a task by number ("12", "#12") or by name."""
    related = ("holder", "assignee", "objective", "channel")
    row = _numbered(Task, actor, task, *related)
    if row is None:
        raise NotFound(f"There is no task {task} here.", code="task.unknown")
    return row


def get_objective(actor: Actor, number: int) -> Objective:
    """Give an objective by number."""
    row = Objective.objects.filter(project_id=actor.project_id, number=number).first()
    if row is None:
        raise NotFound(f"There is no objective {number} here.", code="objective.unknown")
    return row


def get_decision(actor: Actor, number: int) -> Decision:
    """Give a question or review card by number."""
    row = (
        Decision.objects.filter(project_id=actor.project_id, number=number)
        .select_related("asker", "task", "channel")
        .first()
    )
    if row is None:
        raise NotFound(f"There is no question {number} here.", code="decision.unknown")
    return row


def get_artifact(actor: Actor, number: int) -> Artifact:
    """Give a note or an artifact by number."""
    row = (
        Artifact.objects.filter(project_id=actor.project_id, number=number)
        .select_related("author", "task", "objective")
        .first()
    )
    if row is None:
        raise NotFound(f"There is no artifact {number} here.", code="artifact.unknown")
    return row


def is_person(actor: Actor) -> bool:
    """Tell whether a person acts, and not an agent or Parley itself."""
    return me(actor).kind == MemberKind.PERSON


def get_trouble(actor: Actor, number: int) -> Trouble:
    """Give a trouble by number."""
    row = (
        Trouble.objects.filter(project_id=actor.project_id, number=number)
        .select_related("project", "owner", "reporter", "message", "decision", "acknowledged_by")
        .first()
    )
    if row is None:
        raise NotFound(f"There is no trouble {number} here.", code="trouble.unknown")
    return row


def get_token(actor: Actor, pk: int) -> Token:
    """Give a token of the actor's project: one's own, or any with the right to manage."""
    row = Token.objects.filter(pk=pk, member__project_id=actor.project_id).first()
    if row is None or (row.member_id != actor.member_id and not actor.may("manage")):
        raise NotFound("There is no such token.", code="token.unknown")
    return row


def refuse_unless(*, ok: bool, words: str, code: str) -> None:
    """Raise Forbidden unless a condition about the actor holds."""
    if not ok:
        raise Forbidden(words, code=code)
