"""The ledger's only writers, all under the project's lock: reserve, settle, give back, book.

Every change of a charge changes the budgets it counts in with it, their rows locked in the order
of their keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Max

from hub.actor import Actor
from hub.errors import OverBudget, Unavailable
from hub.models import CHARGE_STATES, Budget, Charge, ChargeState
from hub.models.projects import held
from hub.policy import costs as policy
from hub.policy.costs import Bill, usd
from hub.policy.prices import Tokens, is_free, prices

from . import budgets


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a model as the ledger names it: the step of a turn that it is made for.

    A call beside the turns has turn 0, and says until when it may take.
    """

    session: int
    turn: int
    step: int
    provider: str
    model: str
    objective_id: int | None = None
    task_id: int | None = None
    held_until: datetime | None = None

    @property
    def head(self) -> str:
        """Begin the key of its charges; the try comes behind."""
        return f"{self.session}:{self.turn}:{self.step}:"


def reserve(actor: Actor, call: Call, prompt_tokens: int) -> Charge:
    """Set aside what a call may cost at most, in every budget that it counts in.

    Raises OverBudget when a budget does not cover it (`budget` is its key), Unavailable
    `budget.busy` when others' reservations hold what is left of one. Nothing is written then.
    """
    priced = prices().of(call.model, actor.now.date())
    row = _charge(actor, call, len(_tries(actor, call)) + 1)
    row.reserved_micro_usd = priced.price.most(prompt_tokens)
    row.price_from, row.is_unknown_model = priced.price.since, not priced.is_known
    _check(_locked(row), row.reserved_micro_usd)
    row.save(force_insert=True)
    _move(row, reserved=row.reserved_micro_usd)
    return row


def _check(rows: list[Budget], amount: int) -> None:
    for row in rows:
        if row.spent_micro_usd + amount > row.cap_micro_usd:
            left = max(row.cap_micro_usd - row.spent_micro_usd, 0)
            short = f"has {usd(left)} left, and the next call may cost {usd(amount)}"
            words = f"The budget of {row.title} {'is spent' if left == 0 else short}."
            raise OverBudget(words, code="budget.spent", budget=row.pk)
    for row in rows:
        if amount > row.left_micro_usd:
            raise Unavailable(
                f"What is left of the budget of {row.title} is reserved for calls under way.",
                code="budget.busy",
                budget=row.pk,
            )


def settle(actor: Actor, call: Call, usage: Mapping[str, int] | None) -> Bill:
    """Book an answer, in the transaction that stores it; tell what it was booked with.

    `call.model` is the one that answered. Usage that is missing or cannot be believed is priced
    at the reservation. A call that nothing was reserved for is booked all the same; one that is
    booked already stays as it is.
    """
    tries = _tries(actor, call)
    row = next((one for one in tries if one.state == ChargeState.SETTLED), None)
    if row is not None:
        return Bill(tokens=_tokens(row), micro_usd=row.micro_usd)
    row = next((one for one in tries if one.state == ChargeState.RESERVED), None)
    row = row or _charge(actor, call, len(tries) + 1)
    free = is_free(call.provider)
    priced = prices().of(call.model, actor.now.date())
    bill = policy.bill(usage, priced, row.reserved_micro_usd)
    changes = {
        "model": call.model,
        "micro_usd": 0 if free else bill.micro_usd,
        "price_from": None if free else priced.price.since,
        "is_unknown_model": not (free or priced.is_known),
        "lacks_usage": bill.lacks_usage and not free,
        "is_absurd": bill.is_absurd,
        **{field: getattr(bill.tokens, name) for name, field in policy.FIELDS.items()},
    }
    _book(actor, row, ChargeState.SETTLED, changes)
    return bill


def give_back(actor: Actor, row: Charge) -> None:
    """End a reservation whose call was not billed."""
    _book(actor, row, ChargeState.RELEASED, {"micro_usd": 0})


def book_lost(actor: Actor, row: Charge) -> None:
    """Book, at its reservation, a call that may be billed although no answer was stored."""
    changes = {"micro_usd": row.reserved_micro_usd, "lacks_usage": True}
    _book(actor, row, ChargeState.LOST, changes)


def end_reserved(actor: Actor, *, billed: bool) -> None:
    """End the open reservations of the actor's run, for which no answer will come any more."""
    assert actor.run_id is not None, "only a session's run reserves"
    rows = Charge.objects.filter(project_id=actor.project_id, run_id=actor.run_id)
    for row in rows.filter(state=ChargeState.RESERVED, held_until=None).order_by("number"):
        _end(actor, row, billed=billed)


def end_call(actor: Actor, call: Call, *, billed: bool) -> None:
    """End the open reservations of one call, for which no answer will come any more."""
    for row in _tries(actor, call):
        if row.state == ChargeState.RESERVED:
            _end(actor, row, billed=billed)


def _end(actor: Actor, row: Charge, *, billed: bool) -> None:
    if billed:
        book_lost(actor, row)
    else:
        give_back(actor, row)


def book_orphans(actor: Actor, now: datetime) -> int:
    """Book the reservations whose workers are gone; tell how many there were."""
    rows = Charge.objects.filter(project_id=actor.project_id).orphaned(now).order_by("number")
    found = list(rows)
    for row in found:
        book_lost(actor, row)
    return len(found)


def must_stop(run_id: int) -> str:
    """Say why an answer that a run is waiting for must be given up: a budget of it is spent."""
    rows = Charge.objects.filter(run_id=run_id, state=ChargeState.RESERVED, held_until=None)
    row = rows.first()
    spent = Budget.objects.over(row).spent() if row else Budget.objects.none()
    found = spent.select_related("objective", "task", "member").order_by("pk").first()
    return f"the budget of {found.title} is spent" if found else ""


def _charge(actor: Actor, call: Call, number: int) -> Charge:
    assert actor.run_id is not None, "only a session's run calls a model"
    rows = Charge.objects.filter(project_id=actor.project_id)
    return Charge(
        project_id=actor.project_id,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        key=f"{call.head}{number}",
        member_id=actor.member_id,
        run_id=actor.run_id,
        epoch=actor.epoch,
        objective_id=call.objective_id,
        task_id=call.task_id,
        session=call.session,
        turn=call.turn,
        provider=call.provider,
        model=call.model,
        held_until=call.held_until,
        at=actor.now,
    )


def _tries(actor: Actor, call: Call) -> list[Charge]:
    turn = Charge.objects.filter(session=call.session, turn=call.turn)  # by an index; LIKE has none
    rows = turn.filter(project_id=actor.project_id, key__startswith=call.head)
    return list(rows.order_by("number"))


def _tokens(row: Charge) -> Tokens:
    return Tokens(**{name: getattr(row, field) for name, field in policy.FIELDS.items()})


def _book(actor: Actor, row: Charge, state: ChargeState, changes: Mapping[str, object]) -> None:
    reserved = row.reserved_micro_usd
    if row._state.adding:  # noqa: SLF001 - nothing was reserved for it
        for name, value in {**changes, "state": state, "ended_at": actor.now}.items():
            setattr(row, name, value)
        row.save(force_insert=True)
    else:
        CHARGE_STATES.move(row, state, ended_at=actor.now, **changes)
    if (row.micro_usd or reserved) and _locked(row):
        _move(row, spent=row.micro_usd, reserved=-reserved)
        budgets.warn(actor, row)


def _locked(row: Charge) -> list[Budget]:
    """Lock the budgets of a charge, always in the same order, and load them."""
    held(row.project_id)
    keys = list(
        Budget.objects.over(row).order_by("pk").select_for_update().values_list("pk", flat=True)
    )
    rows = Budget.objects.filter(pk__in=keys).select_related("objective", "task", "member")
    return list(rows.order_by("pk")) if keys else []


def _move(row: Charge, *, spent: int = 0, reserved: int = 0) -> None:
    Budget.objects.over(row).update(
        spent_micro_usd=F("spent_micro_usd") + spent,
        reserved_micro_usd=F("reserved_micro_usd") + reserved,
    )
