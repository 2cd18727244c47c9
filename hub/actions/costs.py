"""Where the money went: sums of the ledger, and its rows."""

from datetime import date, datetime

from django.db.models import Count, Q, QuerySet, Sum
from pydantic import Field

from hub import access
from hub.actor import Actor
from hub.models import Budget, BudgetScope, Charge, ChargeState, Project
from hub.policy import costs as policy
from hub.policy.costs import usd
from hub.policy.prices import Tokens
from hub.registry import action
from hub.schemas import After, Limit, MemberName, Number, Out, Sentence, TaskRef

FLAGGED = Q(is_unknown_model=True) | Q(lacks_usage=True) | Q(is_absurd=True)
SUMS = {
    "calls": Count("pk"),
    "micro_usd": Sum("micro_usd", default=0),
    **{field: Sum(field, default=0) for field in policy.FIELDS.values()},
    "flagged": Count("pk", filter=FLAGGED),
}


class ChargeOut(Out):
    """One call of a model. `micro_usd` is what it was booked with, 0 while it is reserved."""

    number: int
    state: str
    at: datetime
    agent: str = Field(validation_alias="agent_name")
    session: int
    turn: int
    task: int | None = Field(validation_alias="task_number")
    objective: int | None = Field(validation_alias="objective_number")
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    reserved_micro_usd: int
    micro_usd: int
    price_from: date | None
    is_unknown_model: bool
    lacks_usage: bool
    is_absurd: bool


class CostOut(Out):
    """What some calls cost. `replay_factor` tells how often each token was read again."""

    calls: int
    micro_usd: int
    last_day_micro_usd: int
    reserved_micro_usd: int
    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    replay_factor: float
    flagged: int


@action("cost.summary", needs="read", returns=CostOut, writes=False)
def summary(
    actor: Actor,
    *,
    objective: Number | None = None,
    task: TaskRef | None = None,
    agent: MemberName | None = None,
) -> CostOut:
    """Sum up what the project's calls of models cost, or those of one objective, task or agent."""
    rows = Charge.objects.filter(project_id=actor.project_id)
    if objective is not None:
        rows = rows.filter(objective=access.get_objective(actor, objective))
    if task is not None:
        rows = rows.filter(task=access.get_task(actor, task))
    if agent is not None:
        rows = rows.filter(member=access.get_member(actor, agent))
    return _summed(actor, rows)


def _summed(actor: Actor, rows: "QuerySet[Charge]") -> CostOut:
    recent = Q(at__gt=actor.now - policy.DAY)
    booked = Q(state__in=[ChargeState.SETTLED, ChargeState.LOST])
    reserved = Q(state=ChargeState.RESERVED)
    found = rows.aggregate(  # first what filters the columns that SUMS names again
        last_day_micro_usd=Sum("micro_usd", filter=recent, default=0),
        reserved_micro_usd=Sum("reserved_micro_usd", filter=reserved, default=0),
        **{**SUMS, "calls": Count("pk", filter=booked)},
    )
    factor = round(policy.replay(tokens(found)), 2)
    return CostOut.model_validate({**found, "replay_factor": factor})


def booked(project: Project) -> "QuerySet[Charge]":
    """Select what counts of a project's ledger."""
    return Charge.objects.booked().filter(project=project)


def tokens(sums: dict[str, int]) -> Tokens:
    """Give the tokens of summed up rows."""
    return Tokens(**{name: sums[field] for name, field in policy.FIELDS.items()})


@action("cost.rows", needs="read", returns=list[ChargeOut], writes=False)
def rows(actor: Actor, *, after: After = 0, limit: Limit = 50) -> list[Charge]:
    """Read the ledger: one row for each call of a model, oldest first, after a row's number."""
    return list(ledger(actor).filter(number__gt=after)[:limit])


def ledger(actor: Actor) -> "QuerySet[Charge]":
    """Select the project's ledger with what its rows name, oldest first."""
    found = Charge.objects.filter(project_id=actor.project_id).order_by("number")
    return found.select_related("member", "task", "objective")


@action("cost.tell", needs="read", returns=Sentence, chat="!cost", writes=False)
def tell(actor: Actor, task: TaskRef | None = None) -> Sentence:
    """Say in words what the project or a task cost so far."""
    found = summary(actor, task=task)
    if task is None:
        name, caps = "The project", Budget.objects.filter(scope=BudgetScope.PROJECT)
    else:
        row = access.get_task(actor, task)
        name, caps = f"#{row.number} {row.name}", Budget.objects.filter(task=row)
    budget = caps.filter(project_id=actor.project_id).first()
    cap = f" of {usd(budget.cap_micro_usd)}" if budget else ""
    return Sentence(
        text=f"{name} cost {usd(found.micro_usd)}{cap} so far, {usd(found.last_day_micro_usd)} of"
        f" it in the last 24 hours, in {found.calls} call{'' if found.calls == 1 else 's'}."
    )
