"""The card that asks people what becomes of a session that a brake holds; one a session."""

from collections.abc import Sequence

from django.db.models import QuerySet

from agents.models import Session
from hub import identify
from hub.actions import decisions
from hub.actions.effects import Effect
from hub.actor import Actor
from hub.markdown import RichText
from hub.models import Decision, DecisionKind
from hub.text import clip

Choices = Sequence[tuple[str, Effect | None]]


def open_brake(actor: Actor, row: Session, why: str) -> None:
    """Ask, under the lock, whether a paused session goes on; not twice while one card is open."""
    if _open(row).exists():
        return
    text = (
        f"{row.member.name} (session {row.number}) is paused: {clip(why, 500)}. How does it go on?"
    )
    hub = identify.of_hub(row.project_id, "hub").at(actor.now)
    asked = RichText.of(text)
    choices = _choices(row)
    decisions.open_card(hub, DecisionKind.BRAKE, asked, choices, task=row.task, link=link(row))


def _choices(row: Session) -> Choices:
    one = {"session": row.number}
    found: list[tuple[str, Effect | None]] = [
        ("Let it go on", Effect(action="session.resume", payload=one)),
        (
            "End it",
            Effect(action="session.cancel", payload={**one, "reason": "A person ended it."}),
        ),
    ]
    others = Session.objects.live().filter(objective=row.objective_id, paused_at=None)
    if row.objective and others.exclude(pk=row.pk).exists():
        whole = Effect(action="objective.pause", payload={"objective": row.objective.number})
        found.append(("Pause all sessions of its objective", whole))
    return found


def close_brake(actor: Actor, row: Session) -> None:
    """Withdraw the card of a session that goes on or has ended."""
    for card in _open(row).select_related("task", "channel", "objective", "message"):
        decisions.cancel(actor, card)


def is_braked(row: Session) -> bool:
    """Tell whether people were asked what becomes of it since it is paused; theirs is the word."""
    return _cards(row).filter(asked_at__gte=row.paused_at).exists() if row.paused_at else False


def link(row: Session) -> str:
    """Give the address of a session's page."""
    return f"/p/{row.project.slug}/s/{row.number}/"


def _cards(row: Session) -> QuerySet[Decision]:
    rows = Decision.objects.filter(project_id=row.project_id, kind=DecisionKind.BRAKE)
    return rows.filter(link=link(row))


def _open(row: Session) -> QuerySet[Decision]:
    return _cards(row) & Decision.objects.open()
