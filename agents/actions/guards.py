"""The brakes that pull themselves: a session in circles is paused, and people let it go on."""

from datetime import datetime

from django.db.models import Exists, OuterRef

from agents import guarding
from agents.models import EntryKind, Session, Step, TurnState
from agents.policy.guards import Trip
from agents.schemas import TripOut
from hub import access, identify
from hub.actor import Actor
from hub.errors import Conflict
from hub.registry import action
from hub.schemas import Done, Number
from hub.text import clip

from . import cards, turns
from .endings import check_reach, log


@action("turn.guard", needs="run", returns=TripOut)
def guard(actor: Actor, *, is_first: bool = True) -> TripOut:
    """Pause the own session if its rows trip a guard; says which, and why, or nothing."""
    row = turns.session_of(actor)
    found = guarding.look(row, actor.now, is_first=is_first)
    if found is None:
        return TripOut(code="", words="")
    brake(actor, row, found)
    return TripOut(code=found.code, words=found.words)


def brake(actor: Actor, row: Session, trip: Trip) -> None:
    """Pause a session, under the lock, say why in its channel and ask people how it goes on."""
    free = Session.objects.live().filter(pk=row.pk, paused_at=None)
    words = f"paused: {trip.words}"
    if not free.update(paused_at=actor.now, activity=clip(words, 200)):
        return
    turn = row.turns.filter(state=TurnState.RUNNING).first()
    turns.append(actor, row, turn, EntryKind.NOTE, title="a guard", text=words)
    parent = [row.parent.member_id] if row.parent else []
    hub = identify.of_hub(row.project_id).at(actor.now)
    log(hub, "session.paused", row, reason=trip.words, guard=trip.code, mentions=parent)
    cards.open_brake(actor, row, trip.words)


@action("objective.pause", needs="staff", returns=Done)
def pause_objective(actor: Actor, objective: Number) -> Done:
    """Pause all live sessions that work for an objective. Raises Conflict when none is left to."""
    rows = Session.objects.live().filter(
        project_id=actor.project_id, objective=access.get_objective(actor, objective)
    )
    running = list(rows.filter(paused_at=None).select_related("member", "task", "parent"))
    if not running:
        raise Conflict("None of its sessions is running.", code="objective.not_running")
    for row in running:
        check_reach(actor, row)
        Session.objects.filter(pk=row.pk).update(paused_at=actor.now)
        log(actor, "session.paused", row, reason="its objective is paused")
    return Done()


@action("objective.resume", needs="decide", returns=Done)
def resume_objective(actor: Actor, objective: Number) -> Done:
    """Let the paused sessions of an objective go on; guards count anew. For people."""
    rows = Session.objects.live().filter(
        project_id=actor.project_id, objective=access.get_objective(actor, objective)
    )
    paused = list(rows.filter(paused_at__isnull=False).select_related("member", "task", "parent"))
    if not paused:
        raise Conflict("None of its sessions is paused.", code="objective.not_paused")
    for row in paused:
        go_on(actor, row)
    return Done()


def go_on(actor: Actor, row: Session) -> None:
    """Let a paused session go on, under the lock; whoever is a person forgives what was counted."""
    check_reach(actor, row)
    forgiving = {"forgiven_at": actor.now, "failures": 0} if actor.may("decide") else {}
    access.refuse_unless(
        ok=bool(forgiving) or not cards.is_braked(row),
        words="A guard paused it; only a person lets it go on.",
        code="guard.people_only",
    )
    rows = Session.objects.live().filter(pk=row.pk, paused_at__isnull=False)
    changes = {"paused_at": None, "due_at": actor.now, "activity": "", **forgiving}
    if not rows.update(**changes):
        raise Conflict("It is not paused.", code="session.not_paused")
    row.paused_at = None
    cards.close_brake(actor, row)
    log(actor, "session.resumed", row)


def tripped(project_id: int, now: datetime) -> list[tuple[Session, Trip]]:
    """Look, without the lock, which sessions of a project trip a guard by now."""
    recent = Step.objects.filter(turn__session=OuterRef("pk"), at__gt=now - guarding.HOUR)
    rows = Session.objects.live().filter(Exists(recent), project_id=project_id, paused_at=None)
    related = ("member", "task", "parent", "project", "objective")
    looked = [(row, guarding.look(row, now)) for row in rows.select_related(*related)]
    return [(row, found) for row, found in looked if found]
