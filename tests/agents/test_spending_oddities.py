"""Money of turns where something is odd: unknown models, missing usage, budgets that end midway."""

import pytest

from agents import leases
from agents.providers.base import (
    Answer,
    Stopped,
    Usage,
)
from hub import registry
from hub.actions import ledger
from hub.models import Budget, Charge

from .counted import answer
from .purse import cap
from .stage import Set

WINDOW = 1_000_000


def test_an_unknown_model_is_paid_at_the_dearest_rate_and_flagged(stage: Set, counted) -> None:
    counted(lambda *_: answer(model="gigantic-9"))
    stage.start("em")

    stage.run_all()

    charge = Charge.objects.get()
    assert (charge.micro_usd, charge.is_unknown_model) == (1_000 * 10 + 100 * 50, True)


@pytest.mark.parametrize(
    ("usage", "flag"),
    [
        (None, "lacks_usage"),
        (Usage(input_tokens=-5, output_tokens=10), "is_absurd"),
        (Usage(input_tokens=WINDOW, output_tokens=1), "is_absurd"),
    ],
)
def test_usage_that_is_missing_or_not_believed_costs_the_reservation(
    stage: Set, counted, usage: Usage | None, flag: str
) -> None:
    counted(usage=usage)
    row = stage.start("em")

    stage.run_all()

    charge = Charge.objects.get()
    row.refresh_from_db()
    assert (charge.state, getattr(charge, flag)) == ("settled", True)
    assert charge.micro_usd == charge.reserved_micro_usd > 0
    assert (charge.input_tokens, row.context_tokens) == (0, 0)
    assert row.turns.get().state == "done"


def test_an_answer_dearer_than_its_reservation_is_booked_in_full(stage: Set, counted) -> None:
    counted(usage=Usage(input_tokens=900_000, output_tokens=90_000))
    budget = cap(stage, 1_000_000)
    stage.start("em")

    stage.run_all()

    budget.refresh_from_db()
    assert budget.spent_micro_usd == 4 * 900_000 + 20 * 90_000
    assert budget.reserved_micro_usd == 0


def test_a_rehearsal_costs_nothing_and_is_not_reserved_for(stage: Set) -> None:
    cap(stage, 1_000)
    stage.start("em")

    stage.run_all()

    charge = Charge.objects.order_by("number")[0]
    assert (charge.provider, charge.micro_usd, charge.reserved_micro_usd) == ("rehearsal", 0, 0)
    assert charge.price_from is None
    assert Charge.objects.filter(state="settled").count() == Charge.objects.count()


def test_an_answer_that_comes_is_given_up_when_others_spend_the_budget(
    stage: Set, counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.keeping.LOOK_S", 0.05)
    told: list[str] = []

    def streams(_request: object, stop: object) -> Answer:
        stage.act("budget.set", scope="project", cap_usd="0.000001")
        Budget.objects.update(spent_micro_usd=5)
        while not (why := stop()):  # type: ignore[operator]
            pass
        told.append(why)
        raise Stopped(why, is_billed=True)

    counted(streams)
    cap(stage, 1_000_000)
    row = stage.start("em")

    stage.run_all()

    row.refresh_from_db()
    charge = Charge.objects.get()
    assert told == ["the budget of the project is spent"]
    assert (charge.state, charge.micro_usd) == ("lost", charge.reserved_micro_usd)
    assert row.over_budget_id is not None
    assert row.turns.get().state == "running"
    assert not leases.waiting("local")


def test_a_program_is_not_stopped_by_a_spent_budget(stage: Set, counted) -> None:
    counted()
    stage.start("em")
    lease = stage.lease()
    registry.call(lease.actor(), "turn.begin", {})

    assert ledger.must_stop(lease.run_id) == ""
