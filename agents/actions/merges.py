"""What the workers report about pull requests: prepared, merged, or refused with the reason."""

from typing import Annotated

from pydantic import Field

from agents import access as own
from agents.models import PULL_STATES, PullRequest, PullState, Workspace, WorkspaceState
from agents.models.workspaces import WORKSPACE_STATES
from agents.schemas import PullOut
from hub.actor import Actor
from hub.registry import action
from hub.schemas import Number
from hub.text import clip

from . import pulls
from .pulls import Commit

MAX_OUTPUT_CHARS = 8_000
Reason = Annotated[str, Field(min_length=1, max_length=20_000)]


@action("pull.prepared", needs="hub", returns=PullOut)
def prepared(
    actor: Actor, pull: Number, *, base_commit: Commit, head_commit: Commit, tree: Commit
) -> PullRequest:
    """Report the exact change that a pull request offers now."""
    row = own.get_pull(actor, pull)
    same = (row.base_commit, row.tree) == (base_commit, tree)
    PULL_STATES.move(
        row,
        PullState.OPEN,
        base_commit=base_commit,
        head_commit=head_commit,
        tree=tree,
        claimed_until=None,
    )
    if not same:
        reviewers = set(row.reviews.values_list("reviewer_id", flat=True))
        pulls.log(actor, "pull.ready", row, mentions=sorted({*_concerned(row), *reviewers}))
    return row


def _concerned(row: PullRequest) -> list[int]:
    return sorted({row.opened_by_id, *filter(None, [row.task.holder_id])})


def touch(actor: Actor, row: PullRequest) -> None:
    """Let an open pull request be prepared again, because its branch has moved."""
    if row.state == PullState.OPEN:
        PULL_STATES.move(row, PullState.PREPARING, claimed_until=None)
        pulls.log(actor, "pull.moved", row)


@action("pull.merged", needs="hub", returns=PullOut)
def merged(
    actor: Actor,
    pull: Number,
    *,
    commit: Commit,
    check_output: str = "",
    check_exit_code: int | None = None,
) -> PullRequest:
    """Report that a change is in the base branch."""
    row = own.get_pull(actor, pull)
    PULL_STATES.move(
        row,
        PullState.MERGED,
        merged_commit=commit,
        check_output=clip(check_output, MAX_OUTPUT_CHARS),
        check_exit_code=check_exit_code,
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
    check_output: str = "",
    check_exit_code: int | None = None,
) -> PullRequest:
    """Report why a change could not be merged; it is open again."""
    row = own.get_pull(actor, pull)
    PULL_STATES.move(
        row,
        PullState.OPEN,
        refusal=reason,
        check_output=clip(check_output, MAX_OUTPUT_CHARS),
        check_exit_code=check_exit_code,
        claimed_until=None,
    )
    pulls.log(actor, "pull.refused", row, reason=clip(reason, 300), mentions=_concerned(row))
    return row
