"""Verdicts typed in a chat, bound to the version that the chat was told of."""

from typing import Annotated

from pydantic import Field

from agents import access
from agents.models import PullRequest
from agents.schemas import PullOut
from hub.actor import Actor
from hub.errors import Conflict
from hub.registry import action
from hub.schemas import Number, Paragraph

from . import pulls

Version = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$", description="as the chat was told")]


def version_of(row: PullRequest) -> str:
    """Name the exact change of a pull request as people type it."""
    return row.tree[: pulls.VERSION_CHARS]


@action("pull.approve", needs="review", returns=PullOut, chat="!approve")
def approve(actor: Actor, pull: Number, version: Version, *, text: Paragraph = "") -> PullRequest:
    """Approve the version of a change that you looked at; refused when it has changed since."""
    row = _seen(actor, pull, version)
    return pulls.review(actor, row.number, "approve", text=text, tree=row.tree)


@action("pull.request_changes", needs="review", returns=PullOut, chat="!changes")
def request_changes(actor: Actor, pull: Number, version: Version, text: Paragraph) -> PullRequest:
    """Ask for changes to the version that you looked at; say what has to be different."""
    row = _seen(actor, pull, version)
    return pulls.review(actor, row.number, "changes", text=text, tree=row.tree)


def _seen(actor: Actor, number: int, version: str) -> PullRequest:
    row = access.get_pull(actor, number)
    if not row.tree.startswith(version):
        raise Conflict(
            f"Pull request {number} is another version now, {version_of(row)}: look at it again.",
            code="pull.version",
        )
    return row
