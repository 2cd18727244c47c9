"""What the workers report about pull requests: prepared, merged, or refused with the reason."""

from typing import Annotated

from pydantic import Field

from agents import access as own
from agents.models import PULL_STATES, PullRequest, PullState, Workspace, WorkspaceState
from agents.models.workspaces import WORKSPACE_STATES
from agents.schemas import PullOut
from hub.actor import Actor
from hub.errors import Conflict
from hub.registry import action
from hub.schemas import Number
from hub.text import clip, mask

from . import pulls
from .pulls import Commit

MAX_OUTPUT_CHARS = 8_000
MAX_REASON_CHARS = 2_000
Reason = Annotated[str, Field(min_length=1)]
Attempt = Annotated[int, Field(gt=0, description="the number that claiming the work gave")]


def _claimed(actor: Actor, pull: int, attempt: int) -> PullRequest:
    row = own.get_pull(actor, pull)
    if row.attempt != attempt:
        raise Conflict(
            f"Another job works on pull request {row.number} by now; stop and write nothing.",
            code="pull.claim_lost",
            attempt=row.attempt,
        )
    return row


def _output(text: str) -> str:
    return clip(mask(text), MAX_OUTPUT_CHARS)


@action("pull.prepared", needs="hub", returns=PullOut)
def prepared(
    actor: Actor,
    pull: Number,
    *,
    attempt: Attempt,
    base_commit: Commit,
    head_commit: Commit,
    tree: Commit,
) -> PullRequest:
    """Report the exact change that a pull request offers now."""
    row = _claimed(actor, pull, attempt)
    same = (row.base_commit, row.tree) == (base_commit, tree)
    PULL_STATES.move(
        row,
        PullState.OPEN,
        base_commit=base_commit,
        head_commit=head_commit,
        tree=tree,
        refusal=row.refusal if same else "",
        publishing=row.publishing if same else "",
        claimed_until=None,
    )
    if not same:
        reviewers = set(row.reviews.values_list("reviewer_id", flat=True))
        pulls.log(actor, "pull.ready", row, mentions=sorted({*_concerned(row), *reviewers}))
    return row


def _concerned(row: PullRequest) -> list[int]:
    return sorted({row.opened_by_id, *filter(None, [row.task.holder_id])})


@action("pull.moved", needs="hub", returns=PullOut)
def moved(actor: Actor, pull: Number) -> PullRequest:
    """Report that a branch is not where its pull request says; an open one is prepared again."""
    row = own.get_pull(actor, pull)
    touch(actor, row)
    return row


@action("pull.publish", needs="hub", returns=PullOut)
def publish(
    actor: Actor,
    pull: Number,
    *,
    attempt: Attempt,
    commit: Commit,
    check_output: str = "",
    check_exit_code: int | None = None,
) -> PullRequest:
    """Write what is about to be brought into the base branch, before it is; writes no event."""
    row = _claimed(actor, pull, attempt)
    changes = {
        "publishing": commit,
        "check_output": _output(check_output),
        "check_exit_code": check_exit_code,
    }
    PullRequest.objects.filter(pk=row.pk).update(**changes)
    return row


def touch(actor: Actor, row: PullRequest) -> None:
    """Let an open pull request be prepared again, because its branch has moved."""
    if row.state == PullState.OPEN:
        PULL_STATES.move(row, PullState.PREPARING, claimed_until=None)
        pulls.log(actor, "pull.moved", row)


@action("pull.merged", needs="hub", returns=PullOut)
def merged(actor: Actor, pull: Number, *, attempt: Attempt, commit: Commit) -> PullRequest:
    """Report that a change is in the base branch."""
    row = _claimed(actor, pull, attempt)
    PULL_STATES.move(
        row,
        PullState.MERGED,
        merged_commit=commit,
        refusal="",
        claimed_until=None,
        ended_at=actor.now,
    )
    pulls.log(actor, "pull.merged", row, commit=commit, mentions=_concerned(row))
    workspace = Workspace.objects.get(pk=row.workspace_id)
    if workspace.state == WorkspaceState.READY:
        WORKSPACE_STATES.move(workspace, WorkspaceState.ARCHIVED, writer_id=None)
    return row


@action("pull.refused", needs="hub", returns=PullOut)
def refused(
    actor: Actor,
    pull: Number,
    reason: Reason,
    *,
    attempt: Attempt,
    check_output: str = "",
    check_exit_code: int | None = None,
) -> PullRequest:
    """Report why a change could not be merged; it is open again."""
    row = _claimed(actor, pull, attempt)
    PULL_STATES.move(
        row,
        PullState.OPEN,
        refusal=clip(mask(reason), MAX_REASON_CHARS),
        check_output=_output(check_output),
        check_exit_code=check_exit_code,
        claimed_until=None,
    )
    pulls.log(actor, "pull.refused", row, reason=clip(row.refusal, 300), mentions=_concerned(row))
    return row
