"""A proposal's page: the change with notes on its lines, the evidence, and the verdict."""

import re
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from agents import access, places
from agents.actions.pulls import authors, lacks
from agents.git.diffs import Diff
from agents.models import Note, PullRequest, PullState, ToolCall
from agents.models.sessions import CallState
from hub.errors import HubError
from hub.parts.pages import Visit, in_project

from . import diffs

RECEIPTS = 6
ANCHOR = re.compile(r"(\d{1,4})([no])(\d{1,7})")


@require_safe
@in_project
def pull(visit: Visit, number: int) -> HttpResponse:
    """Show a change: unified, or with ?view=split side by side; ?note=2n14 opens a note's form."""
    row = access.get_pull(visit.actor, number)
    query = visit.request.GET
    change, trouble = _change(row)
    notes = Note.objects.filter(review__pull=row, review__tree=row.tree)
    split = query.get("view") == "split"
    noted = notes.select_related("review__reviewer")
    files = diffs.files(change, noted, split=split) if change else []
    opened = ANCHOR.fullmatch(query.get("note", ""))
    context = {
        **standing(row),
        "files": files,
        "change": change,
        "trouble": trouble,
        "split": split,
        "opened": opened[0] if opened else "",
        "receipts": _receipts(row),
        "is_author": visit.actor.member_id in authors(row),
    }
    return visit.render("agents/pull.html", context, page="board", topics=[f"pull:{number}"])


def standing(row: PullRequest) -> dict[str, Any]:
    """Load what a proposal's state shows: verdicts, and what is missing before the merge."""
    reviews = row.reviews.select_related("reviewer").prefetch_related("notes").order_by("pk")
    return {
        "pull": row,
        "reviews": list(reviews),
        "lack": lacks(row) if row.state == PullState.OPEN else "",
    }


def _change(row: PullRequest) -> tuple[Diff | None, str]:
    """Read the diff from the hub's repository, with no database connection held meanwhile."""
    if not row.tree:
        return None, "The change is being prepared; this page fills in when it is ready."
    bare = places.bare(row.project)
    connection.close()
    try:
        return diffs.change(bare, row.base_commit, row.tree), ""
    except HubError as error:
        return None, error.message


def _receipts(row: PullRequest) -> list[ToolCall]:
    """Load the commands that were last run for the task: the evidence beside the change."""
    runs = ToolCall.objects.filter(step__turn__session__task=row.task, state=CallState.DONE)
    runs = runs.filter(exit_code__isnull=False).select_related("step__turn__session__member")
    return list(runs.order_by("-pk")[:RECEIPTS])
