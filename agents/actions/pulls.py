"""Pull requests: opened, reviewed, merged. Git itself is a worker's business."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from pydantic import BaseModel, ConfigDict, Field

from agents import access as own
from agents import workers
from agents.models import (
    PULL_STATES,
    Note,
    PullRequest,
    PullState,
    Review,
    Session,
    Verdict,
    Workspace,
    WorkspaceState,
)
from agents.policy.approval import Given, missing
from agents.schemas import PullOut
from hub import access
from hub.actions import channels, decisions, events, messages
from hub.actor import Actor
from hub.errors import Conflict, Forbidden
from hub.markdown import RichText
from hub.models import Channel, ChannelKind, DecisionState, Member, MemberKind, Message
from hub.registry import action
from hub.schemas import Limit, Number, Paragraph, TaskRef
from hub.text import clip

MAX_NOTES = 100
VERSION_CHARS = 10  # of a tree: how people type which version they looked at
WRITERS = ("manager", "implementer", "documenter", "tester")
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]


class NoteIn(BaseModel):
    """A remark on one line; `is_old` means the line as it was before."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=500)]
    line: Annotated[int, Field(gt=0)]
    text: Annotated[str, Field(min_length=1, max_length=4_000)]
    is_old: bool = False


@action("pull.open", needs="work", returns=PullOut)
def open_pull(
    actor: Actor,
    task: TaskRef,
    title: Annotated[str, Field(min_length=3, max_length=160)],
    *,
    summary: Paragraph = "",
) -> PullRequest:
    """Offer the change made in a task's checkout for review and merge.

    Raises Conflict when the task has no checkout or has an open pull request already.
    """
    work = access.get_task(actor, task)
    workspace = Workspace.objects.filter(task=work, state=WorkspaceState.READY).first()
    if workspace is None:
        raise Conflict(f"#{work.number} has no checkout yet.", code="pull.no_checkout")
    rows = PullRequest.objects.filter(project_id=actor.project_id)
    live = rows.filter(task=work).exclude(state__in=[PullState.MERGED, PullState.CLOSED]).first()
    if live:
        raise Conflict(
            f"Pull request {live.number} is open for it.", code="pull.exists", pull=live.number
        )
    row = PullRequest.objects.create(
        project_id=actor.project_id,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        task=work,
        workspace=workspace,
        opened_by=access.me(actor),
        title=clip(title, 160),
        summary=summary,
        branch=workspace.branch,
        base_branch=workspace.base_branch,
        opened_at=actor.now,
    )
    log(actor, "pull.opened", row)
    return row


def log(actor: Actor, name: str, row: PullRequest, **facts: Any) -> None:
    """Write one event about a pull request."""
    events.record(actor, name, f"pull:{row.number}", task=row.task.number, **facts)


def authors(row: PullRequest) -> set[int]:
    """Give the members whose work a change is: who opened it and who wrote in its checkout."""
    wrote = Session.objects.filter(task=row.task, role__in=WRITERS)
    return {row.opened_by_id, *wrote.values_list("member_id", flat=True)}


@action("pull.review", needs="review", returns=PullOut)
def review(
    actor: Actor,
    pull: Number,
    verdict: Literal["approve", "changes", "comment"],
    *,
    text: Paragraph = "",
    notes: Annotated[list[NoteIn], Field(max_length=MAX_NOTES)] = [],  # noqa: B006 - pydantic copies
    tree: Annotated[str, Field(max_length=64)] = "",
) -> PullRequest:
    """Give a verdict on a change, with remarks on its lines; the authors get it as one message.

    `tree` is the version you saw: when it has changed since, the verdict is refused. Authors
    cannot approve their own change.
    """
    row = _ready(actor, pull)
    if tree and tree != row.tree:
        raise Conflict(
            "The change is another one by now; look again. Your notes are kept.", code="pull.moved"
        )
    if verdict == "approve" and actor.member_id in authors(row):
        raise Forbidden("Nobody approves their own work.", code="pull.own_work")
    given = Review.objects.create(
        pull=row,
        reviewer_id=actor.member_id,
        verdict=verdict,
        text=text,
        base_commit=row.base_commit,
        tree=row.tree,
        at=actor.now,
    )
    Note.objects.bulk_create(Note(review=given, **note.model_dump()) for note in notes)
    said = _tell(actor, row, given, notes)
    log(actor, "pull.reviewed", row, verdict=verdict, notes=len(notes), message=said.seq)
    _close_card(actor, row, given)
    return row


def _ready(actor: Actor, pull: int) -> PullRequest:
    row = own.get_pull(actor, pull)
    if row.state != PullState.OPEN:
        raise Conflict(f"Pull request {row.number} is {row.state}.", code="pull.not_open")
    if not row.tree:
        raise Conflict(
            f"Pull request {row.number} could not be prepared: {row.refusal}", code="pull.not_ready"
        )
    return row


def _tell(actor: Actor, row: PullRequest, given: Review, notes: list[NoteIn]) -> Message:
    names = _listeners(actor, row)
    who = " ".join(f"@{name}" for name in names)
    label = Verdict(given.verdict).label
    lines = [f"{who} Pull request {row.number} {row.title}: **{label}**.".strip()]
    if given.text:
        lines.append(given.text)
    lines += [f"- `{note.path}:{note.line}` {note.text}" for note in notes]
    return messages.take_in(actor, _home(actor, row), RichText.of("\n\n".join(lines)), obey=False)


def _listeners(actor: Actor, row: PullRequest) -> list[str]:
    live = Session.objects.live().filter(task=row.task, role__in=("manager", "implementer"))
    return sorted(live.exclude(member_id=actor.member_id).values_list("member__name", flat=True))


def _home(actor: Actor, row: PullRequest) -> Channel:
    channel = row.task.channel
    if channel and channel.archived_at is None:
        return channel
    return channels.of_kind(actor, ChannelKind.PROJECT)


def _close_card(actor: Actor, row: PullRequest, given: Review) -> None:
    by_person = Member.objects.filter(pk=actor.member_id, kind=MemberKind.PERSON).exists()
    card = row.decision
    if by_person and given.verdict != Verdict.COMMENT and card and card.state == DecisionState.OPEN:
        decisions.close(actor, card, Verdict(given.verdict).label)


@action("pull.request_approval", needs="work", returns=PullOut)
def request_approval(actor: Actor, pull: Number, *, text: Paragraph = "") -> PullRequest:
    """Ask the people of the project for their verdict on a change; they get a card."""
    row = _ready(actor, pull)
    if row.decision and row.decision.state == DecisionState.OPEN:
        return row
    words = text or f"Please review pull request {row.number}: {row.title}"
    link = f"/p/{row.project.slug}/pull/{row.number}/"
    card = decisions.open_review(actor, RichText.of(words), row.task, link)
    PullRequest.objects.filter(pk=row.pk).update(decision=card)
    row.decision = card
    said, where = _asked(row, words, link), _home(actor, row)
    messages.take_in(actor, where, RichText.of(said), obey=False)
    decisions.point_out(actor, where, said)
    return row


def _asked(row: PullRequest, words: str, link: str) -> str:
    """Say where to look and what to type, for who reads it in another chat client."""
    version = row.tree[:VERSION_CHARS]
    verdicts = f"`!approve {row.number} {version}` or `!changes {row.number} {version} why`"
    place = settings.PARLEY_PUBLIC_URL.rstrip("/") + link
    return (
        f"{words}\n\n[Look at the change]({place}), then {verdicts}; `!merge {row.number}` merges."
    )


def lacks(row: PullRequest) -> str:
    """Say what a pull request still lacks before it may be merged."""
    given = [
        Given(
            reviewer_id=verdict.reviewer_id,
            verdict=verdict.verdict,
            change=(verdict.base_commit, verdict.tree),
            by_person=verdict.reviewer.kind == MemberKind.PERSON,
        )
        for verdict in row.reviews.select_related("reviewer").order_by("pk")
    ]
    return missing(
        given,
        (row.base_commit, row.tree),
        authors=authors(row),
        needs_person=row.project.merge_needs_person,
    )


@action("pull.merge", needs="merge", returns=PullOut, chat="!merge")
def merge(actor: Actor, pull: Number) -> PullRequest:
    """Order the merge of an approved change: it is rebased, checked, and then merged by a worker.

    Raises Conflict, with what is missing, when it is not approved.
    """
    row = own.get_pull(actor, pull)
    lack = lacks(row)
    if lack:
        raise Conflict(lack, code="pull.not_approved")
    PULL_STATES.move(row, PullState.MERGING, refusal="", claimed_until=None)
    log(actor, "pull.merging", row)
    return row


@action("pull.close", needs="work", returns=PullOut)
def close(actor: Actor, pull: Number) -> PullRequest:
    """Withdraw a change without merging it."""
    row = own.get_pull(actor, pull)
    PULL_STATES.move(row, PullState.CLOSED, ended_at=actor.now)
    if row.decision and row.decision.state == DecisionState.OPEN:
        decisions.cancel(actor, row.decision)
    log(actor, "pull.closed", row)
    return row


@action("pull.show", needs="read", returns=PullOut, writes=False)
def show(actor: Actor, pull: Number) -> PullRequest:
    """Show one pull request."""
    return own.get_pull(actor, pull)


@action("pull.list", needs="read", returns=list[PullOut], writes=False)
def listing(actor: Actor, *, finished: bool = False, limit: Limit = 50) -> list[PullRequest]:
    """List pull requests, the newest first."""
    rows = PullRequest.objects.filter(project_id=actor.project_id).order_by("-number")
    rows = rows.select_related("task", "opened_by")
    live = rows.exclude(state__in=[PullState.MERGED, PullState.CLOSED])
    return list((rows if finished else live)[:limit])


def claim(pk: int, now: datetime) -> int | None:
    """Become the only job that works on a pull request; give the attempt that fences its reports.

    None when another job does, or when there is nothing to do. Writes no event.
    """
    with transaction.atomic():
        row = PullRequest.objects.claimable(now).select_for_update().filter(pk=pk).first()
        if row is None:
            return None
        row.claimed_until = now + timedelta(seconds=settings.PULL_LEASE_S)
        row.attempt += 1
        row.worker = workers.me()
        row.save(update_fields=["claimed_until", "attempt", "worker"])
    return row.attempt


def renew_claim(pk: int, attempt: int, now: datetime) -> bool:
    """Hold a claim longer; False when another job has it. Writes no event."""
    rows = PullRequest.objects.filter(pk=pk, attempt=attempt, claimed_until__isnull=False)
    return bool(rows.update(claimed_until=now + timedelta(seconds=settings.PULL_LEASE_S)))
