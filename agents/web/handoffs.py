"""A hand-off's page: the facts from the rows, the agent's words, and the acknowledgement."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from agents import access
from agents.facts import gather
from agents.forms import Facts
from agents.models import Handoff, Session
from agents.policy.context import share
from hub.models import Event
from hub.parts import live
from hub.parts.live import Part
from hub.parts.pages import Visit, in_project

LISTS = (
    ("done", "Done"),
    ("remaining", "Remaining"),
    ("decisions", "Decided"),
    ("questions", "Not known yet"),
    ("failing", "Commands that fail"),
    ("passing", "Commands that pass"),
    ("uncommitted_files", "Changed, not committed"),
    ("leases", "Held"),
)


@require_safe
@in_project
def handoff(visit: Visit, number: int) -> HttpResponse:
    """Show one shift change."""
    row = access.get_handoff(visit.actor, number)
    return visit.render(
        "agents/handoff.html", standing(row), page="team", topics=[f"handoff:{number}"]
    )


def standing(row: Handoff) -> dict[str, Any]:
    """Load what a hand-off shows; while its form is written, the facts are those of now."""
    facts = Facts(**row.facts) if row.facts else gather(row.predecessor)
    form = row.form
    limit = max(facts.limit_tokens, 1)
    return {
        "handoff": row,
        "facts": facts,
        "old": row.predecessor,
        "new": row.successor,
        "limit": f"{limit:,}",
        "used": share(facts.context_tokens, limit),
        "lists": [(title, form[name]) for name, title in LISTS if form.get(name)],
    }


def register() -> None:
    """Add the hand-offs' part to the pages that watch one."""
    live.on("handoff.")(_changed)
    live.topic("handoff", access.get_handoff)


def _changed(event: Event) -> Iterator[Part]:
    number = live.number_of(event)
    row = Handoff.objects.select_related(
        "predecessor__member", "predecessor__task", "successor__member", "asked_by", "project"
    ).get(project=event.project, number=number)
    context = {**standing(row), "project": event.project}
    yield live.part([f"handoff:{number}"], "agents/_handoff.html", context)


def shifts_of(row: Session) -> dict[str, Handoff | None]:
    """Load the hand-offs at the two ends of a session, for its page."""
    rows = Handoff.objects.filter(Q(predecessor=row) | Q(successor=row)).exclude(state="canceled")
    related = ("predecessor__member", "successor__member")
    found = list(rows.select_related(*related).order_by("number"))
    return {
        "given": next((one for one in found if one.predecessor_id == row.pk), None),
        "received": next((one for one in found if one.successor_id == row.pk), None),
    }
