"""What tests of money need: a session's run, calls, and reservations under the lock."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hub import clock
from hub.actions import ledger
from hub.actions.ledger import Call
from hub.actor import Actor
from hub.models import Budget, Charge, Run
from hub.models.projects import project_lock

MODEL = "claude-opus-5-5"
MOST = 640_000  # what its longest answer costs
USAGE = {"input_tokens": 1_000, "output_tokens": 100}  # 6000 micro-USD


def running(actor: Actor) -> Actor:
    """Give an agent a run with a lease, as a turn has."""
    run = Run.objects.create(
        member_id=actor.member_id, epoch=1, lease_until=clock.now() + timedelta(minutes=5)
    )
    rights = actor.capabilities | {"run"}
    return replace(actor, run_id=run.pk, epoch=1, entry="session", capabilities=rights)


def call_of(step: int = 1, session: int = 1, **more: Any) -> Call:
    values = {"session": session, "turn": 1, "step": step, "provider": "counted", "model": MODEL}
    return Call(**{**values, **more})


def reserve(actor: Actor, call: Call, prompt_tokens: int = 0) -> Charge:
    with project_lock(actor.project_id) as lock:
        return ledger.reserve(actor.at(lock.now), call, prompt_tokens)


def settle(actor: Actor, call: Call, usage: dict[str, int] | None = USAGE) -> int:
    with project_lock(actor.project_id) as lock:
        return ledger.settle(actor.at(lock.now), call, usage).micro_usd


def end(actor: Actor, *, billed: bool) -> None:
    with project_lock(actor.project_id) as lock:
        ledger.end_reserved(actor.at(lock.now), billed=billed)


def state_of(budget: Budget) -> tuple[int, int]:
    """Give what is spent and reserved of a budget now."""
    budget.refresh_from_db()
    return budget.spent_micro_usd, budget.reserved_micro_usd
