"""What stops a session, read from rows: the global stop, a pause, its end. In words for people."""

from datetime import datetime

from django.db.models import Subquery

from agents.models import Session
from hub.models import HOUSE, Project

STOPPED = "everything is stopped"
ENDED = "the session was ended"
PROJECT_PAUSED = "the project is paused"
SESSION_PAUSED = "the session is paused"


def house_is_stopped() -> bool:
    """Tell whether the global stop is pulled."""
    return Project.objects.filter(pk=HOUSE, paused_at__isnull=False).exists()


def at_once() -> str:
    """Say what makes a step break off in the middle; a pause lets it end first."""
    return STOPPED if house_is_stopped() else ""


def before_a_step(session_id: int) -> str:
    """Say why a session may not begin another step; nothing while it may. One query."""
    house = Project.objects.filter(pk=HOUSE)
    row = (
        Session.objects.filter(pk=session_id)
        .annotate(stopped_at=Subquery(house.values("paused_at")[:1]))
        .values_list("stopped_at", "ended_at", "project__paused_at", "paused_at")
        .get()
    )
    words = (STOPPED, ENDED, PROJECT_PAUSED, SESSION_PAUSED)
    return next((word for word, at in zip(words, row, strict=True) if at is not None), "")


def reads_it(row: Session, now: datetime) -> str:
    """Say when a live session reads what was just said to it."""
    held = before_a_step(row.pk)
    if held:
        return f"who reads it when this is over: {held}"
    if row.run.lease_until is not None and row.run.lease_until > now:
        return "who is at work and hears it at the next step"
    if row.parked_until is not None and row.parked_until > now:
        return f"who waits until {row.parked_until:%H:%M} UTC and reads it then: {row.activity}"
    return "who is woken"
