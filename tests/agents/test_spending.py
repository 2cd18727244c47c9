"""Money of turns: reserved before each call, settled with the answer, given back or booked."""

from datetime import timedelta

import pytest

from agents import turns
from agents.models import Session, SessionState, Turn
from agents.providers.base import (
    Answer,
    ContextFull,
    LimitReached,
    RequestRefused,
    Stopped,
    TryAgain,
)
from hub import clock, jobs, registry
from hub.errors import Conflict
from hub.models import Budget, Charge, ChargeState, Decision, Run
from tests.cast import Clock

from .counted import MODEL, answer
from .played import say
from .purse import cap
from .stage import Set


def test_each_answer_is_one_settled_row_of_the_ledger(stage: Set, counted) -> None:
    counted(("I look.", [say("here")]))
    row = stage.start("em")

    stage.run_all()

    found = list(Charge.objects.order_by("number"))
    assert [one.key for one in found] == ["1:1:1:1", "1:1:2:1"]
    assert [(one.state, one.micro_usd) for one in found] == [("settled", 6_000)] * 2
    assert {one.reserved_micro_usd > 640_000 for one in found} == {True}
    assert (found[0].model, found[0].member_id, found[0].turn) == (MODEL, row.member_id, 1)


def test_what_is_reserved_covers_what_the_request_holds(stage: Set, counted) -> None:
    provider = counted()
    stage.start("em")

    stage.run_all()

    charge = Charge.objects.get()
    assert charge.reserved_micro_usd >= 5 * provider.sizes[0] + 20 * 32_000


def test_a_budget_holds_the_reservation_and_then_what_was_spent(stage: Set, counted) -> None:
    seen: list[tuple[int, int]] = []

    def look(*_: object) -> Answer:
        row = Budget.objects.get()
        seen.append((row.spent_micro_usd, row.reserved_micro_usd))
        return answer()

    counted(look)
    budget = cap(stage, 5_000_000)
    stage.start("em")

    stage.run_all()

    budget.refresh_from_db()
    assert seen == [(0, Charge.objects.get().reserved_micro_usd)]
    assert (budget.spent_micro_usd, budget.reserved_micro_usd) == (6_000, 0)


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        (TryAgain("overloaded"), ChargeState.RELEASED),
        (TryAgain("cut off", is_billed=True), ChargeState.LOST),
        (Stopped("the lease went", is_billed=False), ChargeState.RELEASED),
        (Stopped("the lease went", is_billed=True), ChargeState.LOST),
        (LimitReached("used up", resets_at=None), ChargeState.RELEASED),
        (RequestRefused("no such model"), ChargeState.RELEASED),
        (ContextFull("too long"), ChargeState.RELEASED),
        (ValueError("nobody knows"), ChargeState.LOST),
    ],
)
def test_a_call_without_an_answer_is_given_back_or_booked(
    stage: Set, counted, trouble: Exception, state: ChargeState
) -> None:
    counted(trouble)
    budget = cap(stage, 5_000_000)
    stage.start("em")

    turns.run_next("local")

    charge = Charge.objects.order_by("number")[0]
    budget.refresh_from_db()
    booked = charge.reserved_micro_usd if state == ChargeState.LOST else 0
    assert (charge.state, charge.micro_usd) == (state, booked)
    assert (budget.spent_micro_usd, budget.reserved_micro_usd) == (booked, 0)


def test_a_reservation_that_a_crash_left_is_booked_when_the_turn_is_taken_up(
    stage: Set, counted
) -> None:
    counted(("I look.", [say("here")]))
    budget = cap(stage, 5_000_000)
    stage.start("em")
    died = stage.lease().actor()
    registry.call(died, "turn.begin", {})
    registry.call(died, "turn.read", {"prompt": "Begin.", "news": [], "upto": 0})
    registry.call(died, "turn.reserve", {"model": MODEL, "prompt_tokens": 1_000})
    Run.objects.update(lease_until=clock.now() - timedelta(seconds=1))

    stage.run_all()

    found = list(Charge.objects.order_by("number").values_list("key", "state"))
    budget.refresh_from_db()
    assert found == [("1:1:1:1", "lost"), ("1:1:1:2", "settled"), ("1:1:2:1", "settled")]
    assert (budget.spent_micro_usd, budget.reserved_micro_usd) == (645_000 + 12_000, 0)
    assert Turn.objects.get(number=1).steps.count() == 2


def test_the_worker_that_was_taken_over_settles_nothing(stage: Set, counted) -> None:
    counted()
    stage.start("em")
    lease = stage.lease()
    died = lease.actor()
    registry.call(died, "turn.begin", {})
    registry.call(died, "turn.reserve", {"model": MODEL, "prompt_tokens": 1_000})
    Run.objects.update(epoch=lease.epoch + 1)
    said = {"text": "late", "calls": [], "is_last": True, "state": {}, "model": MODEL}

    with pytest.raises(Conflict):
        registry.call(died, "turn.answer", {**said, "usage": {"input_tokens": 5}})

    assert Charge.objects.get().state == ChargeState.RESERVED


def test_what_an_ended_session_reserved_is_booked_by_the_sweep(stage: Set, counted) -> None:
    counted()
    budget = cap(stage, 5_000_000)
    row = stage.start("em")
    actor = stage.lease().actor()
    registry.call(actor, "turn.begin", {})
    registry.call(actor, "turn.reserve", {"model": MODEL, "prompt_tokens": 1_000})
    stage.act("session.cancel", session=row.number)

    jobs.sweep()
    jobs.sweep()

    budget.refresh_from_db()
    assert Charge.objects.get().state == ChargeState.LOST
    assert (budget.spent_micro_usd, budget.reserved_micro_usd) == (645_000, 0)


def test_a_turn_without_money_stays_open_and_one_card_asks(stage: Set, counted) -> None:
    provider = counted()
    cap(stage, 100_000)
    rows = [stage.start("em"), stage.start("manager")]

    stage.run_all()

    for row in rows:
        row.refresh_from_db()
        assert row.state == SessionState.WAITING_CAPACITY
        assert "the budget of the project has $0.10 left" in row.activity
        assert row.turns.get().state == "running"
    assert provider.sizes == []
    assert Charge.objects.count() == 0
    card = Decision.objects.get()
    assert (card.kind, card.asker.name) == ("budget", "Parley")
    assert card.choices == [
        "Raise it by half, to $0.15",
        "Raise it to double, $0.20",
        "Leave it",
    ]


def test_news_do_not_wake_a_session_without_money(stage: Set, counted) -> None:
    provider = counted()
    cap(stage, 100_000)
    stage.start("em")
    stage.run_all()

    stage.act("message.post", channel="project", text="Hello?")
    stage.wake()

    assert stage.run_all() == 0
    assert provider.sizes == []


def test_a_raised_budget_lets_the_same_turn_go_on(stage: Set, counted) -> None:
    counted(("I look.", [say("once")]))
    cap(stage, 500_000)
    row = stage.start("em")
    stage.run_all()

    stage.act("decision.answer", decision=1, answer="2")
    stage.wake()
    stage.run_all()

    row.refresh_from_db()
    assert row.over_budget_id is None
    assert row.turns.get(number=1).state == "done"
    assert Charge.objects.filter(turn=1, state="settled").count() == 2
    assert Budget.objects.get().cap_micro_usd == 1_000_000


def test_leaving_it_keeps_the_session_waiting_and_asks_no_more(stage: Set, counted) -> None:
    counted()
    cap(stage, 100_000)
    stage.start("em")
    stage.run_all()

    stage.act("decision.answer", decision=1, answer="3")
    stage.start("manager")
    stage.wake()
    stage.run_all()

    assert Session.objects.filter(over_budget__isnull=False).count() == 2
    assert Decision.objects.count() == 1


def test_who_needs_what_others_have_reserved_tries_again_soon(
    stage: Set, counted, stopped: Clock
) -> None:
    counted()
    cap(stage, 1_000_000)
    stage.start("em")
    held = stage.lease().actor()
    registry.call(held, "turn.begin", {})
    registry.call(held, "turn.reserve", {"model": MODEL, "prompt_tokens": 1_000})
    late = stage.start("manager")

    turns.run_next("local")

    late.refresh_from_db()
    assert late.parked_until == stopped.now() + timedelta(seconds=3)
    assert "reserved for calls under way" in late.activity
    assert not Decision.objects.exists()
