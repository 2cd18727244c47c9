"""The supervisor's steps, done under the lock as Parley: poke, respawn, escalate."""

from datetime import datetime
from typing import Any

from agents import supervising
from agents.models import Session
from agents.policy.supervise import GENUINE_MANAGERS, Rung, rung
from agents.supervising import Case
from hub.actions import channels, decisions, events, messages
from hub.actions.effects import Effect
from hub.actor import Actor
from hub.markdown import RichText
from hub.models import ChannelKind, Decision, DecisionKind, Objective, ObjectiveState, Task

from . import sessions

GIVEN_UP = "A person dropped it after its managers failed."


def is_due(objective_id: int, now: datetime) -> bool:
    """Tell, without the lock, whether an objective without workers needs something now."""
    found = _case(objective_id, now)
    return found is not None and rung(found.standing) != Rung.NOTHING


def _case(objective_id: int, now: datetime) -> Case | None:
    row = Objective.objects.filter(pk=objective_id, state=ObjectiveState.ACTIVE).first()
    return supervising.case(row, now) if row else None


def supervise(actor: Actor, objective_id: int) -> Rung:
    """Do, under the lock, what an objective without workers needs now; tell what it was."""
    found = _case(objective_id, actor.now)
    if found is None:
        return Rung.NOTHING
    step = rung(found.standing)
    if step == Rung.POKE and found.leader:
        _poke(actor, found, found.leader)
    elif step == Rung.RESPAWN:
        _respawn(actor, found)
    elif step == Rung.ESCALATE:
        _escalate(actor, found)
    return step


def _log(actor: Actor, name: str, found: Case, **facts: Any) -> None:
    events.record(actor, name, f"objective:{found.objective.number}", **facts)


def _poke(actor: Actor, found: Case, leader: Session) -> None:
    text = supervising.nudge(found, leader.member.name)
    channel = channels.of_kind(actor, ChannelKind.PROJECT)
    messages.take_in(actor, channel, RichText.of(text), obey=False)
    _log(actor, "objective.poked", found, agent=leader.member.name)


def _respawn(actor: Actor, found: Case) -> None:
    work = found.last.task if found.last else None
    number = work.number if work and _is_live(work) else None
    row = sessions.start(
        actor,
        "manager",
        task=number,
        objective=found.objective.number,
        brief=supervising.brief(found),
    )
    _log(actor, "objective.respawned", found, agent=row.member.name, session=row.number)


def _is_live(work: Task) -> bool:
    return Task.objects.live().filter(pk=work.pk).exists()


def _escalate(actor: Actor, found: Case) -> None:
    wish = found.objective
    again = {"role": "manager", "objective": wish.number, "brief": supervising.brief(found)}
    drop = {"objective": wish.number, "reason": GIVEN_UP}
    choices = (
        ("Start another manager", Effect(action="session.start", payload=again)),
        ("Drop the objective", Effect(action="objective.cancel", payload=drop)),
    )
    text = (
        f"Objective {wish.number} ({wish.title}) lost {found.standing.spawns} managers, of whom "
        f"{found.standing.genuine} had begun; after {GENUINE_MANAGERS} a person decides."
    )
    card = decisions.open_card(actor, DecisionKind.ESCALATION, RichText.of(text), choices)
    Decision.objects.filter(pk=card.pk).update(objective=wish)
    _log(actor, "objective.escalated", found, decision=card.number)
