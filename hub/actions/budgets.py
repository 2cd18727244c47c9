"""Budgets: set and raised by people; what is nearly or wholly spent asks them, once."""

from decimal import Decimal
from typing import Annotated, Literal

from django.db.models import Q, QuerySet, Sum
from pydantic import Field

from hub import access, identify
from hub.actor import Actor
from hub.errors import Conflict, Invalid, NotFound
from hub.markdown import RichText
from hub.models import (
    Budget,
    BudgetScope,
    Charge,
    ChargeState,
    DecisionKind,
    DecisionState,
    MemberKind,
)
from hub.policy.costs import usd, warns
from hub.policy.prices import MILLION
from hub.registry import action
from hub.schemas import BudgetOut, Sentence

from . import decisions, events
from .effects import Effect

Usd = Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=6, description="in US dollars")]
Scope = Literal["project", "objective", "task", "agent"]
Of = Annotated[
    str,
    Field(max_length=60, description="the objective's or task's number, or the agent's name"),
]
BOOKED = (ChargeState.SETTLED, ChargeState.LOST)
NO_BUDGET = "There is no budget. Set one on the costs page or with `!cap project 20`."


@action("budget.set", needs="manage", returns=BudgetOut, chat="!cap")
def set_cap(actor: Actor, scope: Scope, cap_usd: Usd, of: Of = "") -> Budget:
    """Cap what the project, an objective, a task or an agent may cost, from the beginning on.

    `of` names the objective, task or agent. What it has cost before counts. A lower cap than what
    is spent stops its sessions within seconds; a higher one lets those that wait go on.
    """
    target = _target(actor, scope, of)
    cap = _micro(cap_usd)
    row = Budget.objects.filter(project_id=actor.project_id, scope=scope, **target).first()
    if row is None:
        row = Budget(project_id=actor.project_id, scope=scope, **target)
        row.cap_micro_usd, row.changed_at = cap, actor.now
        charges = _charges(row)
        row.spent_micro_usd = _sum(charges.filter(state__in=BOOKED), "micro_usd")
        held = charges.filter(state=ChargeState.RESERVED)
        row.reserved_micro_usd = _sum(held, "reserved_micro_usd")
        row.save(force_insert=True)
        events.record(actor, "budget.set", f"budget:{row.pk}", scope=scope, of=row.of, cap=cap)
        return row
    return _change(actor, row, cap, "budget.set")


@action("budget.raise", needs="manage", returns=BudgetOut)
def raise_cap(actor: Actor, scope: Scope, cap_usd: Usd, of: Of = "") -> Budget:
    """Give a budget a higher cap; the sessions that it stopped go on.

    Raises NotFound without such a budget, Conflict when the cap is not higher.
    """
    target = _target(actor, scope, of)
    row = _rows(actor).filter(scope=scope, **target).first()
    if row is None:
        raise NotFound("There is no such budget; set one first.", code="budget.unknown")
    cap = _micro(cap_usd)
    if cap <= row.cap_micro_usd:
        raise Conflict(
            f"The cap is {usd(row.cap_micro_usd)} already; to lower it, set it.",
            code="budget.not_higher",
        )
    return _change(actor, row, cap, "budget.raised")


@action("budget.list", needs="read", returns=list[BudgetOut], writes=False)
def listing(actor: Actor) -> list[Budget]:
    """List the budgets with what is spent and reserved, in millionths of a US dollar."""
    return list(_rows(actor).order_by("pk"))


@action("budget.tell", needs="read", returns=Sentence, chat="!budget", writes=False)
def tell(actor: Actor) -> Sentence:
    """Say in words what is left of each budget."""
    lines = [f"{row.title}: {words(row)}" for row in _rows(actor).order_by("pk")]
    return Sentence(text="\n".join(lines) or NO_BUDGET)


def words(row: Budget) -> str:
    """Say how much of a budget is spent and reserved."""
    held = f", {usd(row.reserved_micro_usd)} reserved" if row.reserved_micro_usd else ""
    return f"{usd(row.spent_micro_usd)} of {usd(row.cap_micro_usd)} spent{held}"


def warn(actor: Actor, charge: Charge) -> None:
    """Ask, once for each cap, what to do about the budgets that a charge brought near their end."""
    rows = _rows(actor).filter(pk__in=Budget.objects.over(charge), warned_at=None, stopped_at=None)
    for row in rows.order_by("pk"):
        if warns(row.spent_micro_usd, row.cap_micro_usd):
            share = row.spent_micro_usd * 100 // row.cap_micro_usd
            _ask(actor, row, f"{share} % of the budget of {row.title} is spent: {words(row)}.")
            Budget.objects.filter(pk=row.pk).update(warned_at=actor.now)


def stop(actor: Actor, pk: int, reason: str) -> None:
    """Ask, once for each cap, what to do about a budget that does not cover the next call."""
    row = _rows(actor).get(pk=pk)
    if row.stopped_at is None:
        _ask(actor, row, f"{reason} Work that it pays for waits: {words(row)}.")
        Budget.objects.filter(pk=row.pk).update(stopped_at=actor.now)


def _ask(actor: Actor, row: Budget, text: str) -> None:
    _withdraw(actor, row)
    half, double = row.cap_micro_usd * 3 // 2, row.cap_micro_usd * 2
    choices = [
        (f"Raise it by half, to {usd(half)}", _raising(row, half)),
        (f"Raise it to double, {usd(double)}", _raising(row, double)),
        ("Leave it", None),
    ]
    slug = row.project.slug
    hub = identify.of_hub(actor.project_id, "budget").at(actor.now)
    card = decisions.open_card(
        hub,
        DecisionKind.BUDGET,
        RichText.of(text),
        choices,
        task=row.task,
        link=f"/p/{slug}/costs/",
    )
    Budget.objects.filter(pk=row.pk).update(card=card)


def _raising(row: Budget, cap: int) -> Effect:
    cap_usd = str(Decimal(cap) / MILLION)
    return Effect(
        action="budget.raise", payload={"scope": row.scope, "of": row.of, "cap_usd": cap_usd}
    )


def _change(actor: Actor, row: Budget, cap: int, name: str) -> Budget:
    before, row.cap_micro_usd = row.cap_micro_usd, cap
    Budget.objects.filter(pk=row.pk).update(
        cap_micro_usd=cap, warned_at=None, stopped_at=None, changed_at=actor.now
    )
    _withdraw(actor, row)
    subject = f"budget:{row.pk}"
    events.record(actor, name, subject, scope=row.scope, of=row.of, cap=cap, before=before)
    return row


def _withdraw(actor: Actor, row: Budget) -> None:
    if row.card and row.card.state == DecisionState.OPEN:
        decisions.cancel(identify.of_hub(actor.project_id, "budget").at(actor.now), row.card)


def _rows(actor: Actor) -> QuerySet[Budget]:
    related = ("project", "objective", "task__channel", "task__objective", "member")
    card = ("card__task", "card__channel", "card__message", "card__objective")
    return Budget.objects.filter(project_id=actor.project_id).select_related(*related, *card)


def _target(actor: Actor, scope: str, of: str) -> dict[str, object]:
    if (scope == BudgetScope.PROJECT) == bool(of.strip()):
        raise Invalid(
            "Name the objective, task or agent that it is for; nothing for the project.",
            code="budget.of",
        )
    if scope == BudgetScope.TASK:
        return {"task": access.get_task(actor, of)}
    if scope == BudgetScope.OBJECTIVE:
        number = of.strip().removeprefix("#")
        if not number.isdecimal():
            raise Invalid("An objective is named by its number.", code="budget.of")
        return {"objective": access.get_objective(actor, int(number[:9]))}
    if scope == BudgetScope.AGENT:
        member = access.get_member(actor, of)
        if member.kind != MemberKind.AGENT:
            raise Invalid(f"{member.name} is no agent and costs nothing.", code="budget.of")
        return {"member": member}
    return {}


def _micro(cap_usd: Decimal) -> int:
    return int(cap_usd * MILLION)


def _charges(row: Budget) -> "QuerySet[Charge]":
    rows = Charge.objects.filter(project_id=row.project_id)
    if row.scope == BudgetScope.PROJECT:
        return rows
    mine = Q(objective_id=row.objective_id) if row.objective_id else Q()
    mine |= Q(task_id=row.task_id) if row.task_id else Q()
    mine |= Q(member_id=row.member_id) if row.member_id else Q()
    return rows.filter(mine)


def _sum(rows: "QuerySet[Charge]", column: str) -> int:
    found: int | None = rows.aggregate(total=Sum(column))["total"]
    return found or 0
