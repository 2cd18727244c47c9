"""Hand-offs to whoever started a session: made when it ends, told in the inbox."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connections

from agents import places
from agents.git import diffs, repository
from agents.models import Session, Step
from agents.policy import handoff
from hub.actor import Actor
from hub.errors import HubError
from hub.models import Artifact, Event

ENDINGS = frozenset({"session.succeeded", "session.failed", "session.canceled"})
SIGNS = {"added": "+", "deleted": "-", "context": " ", "note": "\\"}


def of(row: Session, summary: str) -> str:
    """Make the report of a session that ends now."""
    said = Step.objects.filter(turn__session=row).exclude(text="")
    last = said.order_by("-turn__number", "-number").values_list("text", flat=True).first()
    cited = Artifact.objects.filter(project_id=row.project_id, number__in=row.cites)
    notes = [
        (f"{one.kind} {one.number}, {one.title}", one.summary) for one in cited.order_by("number")
    ]
    return handoff.report(summary, last or "", row.activity, notes)


def tell(rows: Sequence[Event], actor: Actor) -> dict[int, str]:
    """Give the reports that events of this list announce to the one who reads, by their number."""
    mine = {
        int(row.subject.partition(":")[2]): row.seq
        for row in rows
        if row.name in ENDINGS and actor.member_id in row.facts.get("mentions", ())
    }
    if not mine:
        return {}
    ended = Session.objects.filter(project_id=actor.project_id, number__in=mine)
    return {
        mine[one.number]: f"Session {one.number}, {one.member.name}, {one.state}. {one.report}"
        for one in ended.select_related("member")
    }


def with_changes(session: Session, inbox: Mapping[str, Any]) -> dict[str, Any]:
    """Add to each report in an inbox the change it speaks of, if its author wants it shown.

    Reads git: never under a lock, and with no database connection held.
    """
    return {**inbox, "items": [_with_change(session, item) for item in inbox["items"]]}


def _with_change(session: Session, item: Mapping[str, Any]) -> dict[str, Any]:
    number = item["facts"].get("shows_change")
    if item["name"] not in ENDINGS or not number:
        return dict(item)
    rows = session.children.select_related("workspace", "project")
    child = rows.filter(number=number).first()
    shown = _change(child) if child else ""
    return {**item, "text": "\n\n".join(filter(None, [item["text"], shown]))}


def _change(child: Session) -> str:
    workspace, bare = child.workspace, places.bare(child.project)
    if workspace is None or not workspace.base_commit:
        return ""
    connections.close_all()
    try:
        tip = repository.branch_tip(bare, workspace.branch)
        found = diffs.diff(bare, workspace.base_commit, tip, context=1) if tip else None
    except HubError as error:
        return f"Its change cannot be shown: {error.message}"
    if found is None:
        return "Its branch is gone."
    sizes = [(one.path, one.additions, one.deletions) for one in found.files]
    patch = "\n".join(line for one in found.files for line in _patch(one))
    return handoff.change(sizes, patch)


def _patch(one: diffs.FileDiff) -> list[str]:
    lines = [f"{SIGNS[line.kind]}{line.text}" for hunk in one.hunks for line in hunk.lines]
    return [f"--- {one.path}", *lines]
