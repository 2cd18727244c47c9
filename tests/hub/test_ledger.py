"""The ledger: its sums are the budgets to the micro, a replay changes nothing, races overspend by
no more than one reservation.
"""

import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import clock, jobs
from hub.actions import ledger
from hub.actor import Actor
from hub.errors import Conflict, OverBudget, Unavailable
from hub.models import CHARGE_STATES, Budget, Charge, ChargeState, Decision, Run, Task
from hub.models.projects import project_lock
from tests.cast import act
from tests.threads import together

from .spending import MOST, USAGE, call_of, end, reserve, running, settle, state_of
from .test_actions_budgets import cap

SESSIONS = 20
usages = st.none() | st.dictionaries(
    st.sampled_from(["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"]),
    st.integers(-10, 1_100_000),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "give back", "lose"]), st.integers(1, 4), usages
    ),
    max_size=12,
)


def sums(budget: Budget) -> tuple[int, int]:
    """Add up, row by row, what a budget should say."""
    rows = Charge.objects.filter(project_id=budget.project_id)
    if budget.scope == "task":
        rows = rows.filter(task_id=budget.task_id)
    if budget.scope == "agent":
        rows = rows.filter(member_id=budget.member_id)
    return (
        sum(row.micro_usd for row in rows),
        sum(row.reserved_micro_usd for row in rows if row.state == ChargeState.RESERVED),
    )


def do(worker: Actor, what: str, step: int, usage: dict[str, int] | None, task: int | None) -> None:
    call = call_of(step, task_id=task if step % 2 else None)
    try:
        if what == "reserve" and not Charge.objects.filter(state="reserved").exists():
            reserve(worker, call, 1_000 * step)
        elif what == "settle":
            settle(worker, call, usage)
        elif what in {"give back", "lose"}:
            end(worker, billed=what == "lose")
    except (OverBudget, Unavailable):
        pass


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(taken=steps)
def test_budgets_are_sums_of_the_ledger_and_a_replay_changes_nothing(
    ada: Actor, mina: Actor, taken: list[Any]
) -> None:
    Charge.objects.all().delete()
    Budget.objects.all().delete()
    worker = running(mina)
    number = act(ada, "task.open", title=f"Task {Task.objects.count()}")["number"]
    task = Task.objects.get(number=number, project_id=ada.project_id).pk
    budgets = [
        cap(ada, 4_000_000),
        cap(ada, 3_000_000, "task", str(number)),
        cap(ada, 3_500_000, "agent", "mina"),
    ]

    for what, step, usage in taken:
        do(worker, what, step, usage, task)
        assert [state_of(one) for one in budgets] == [sums(one) for one in budgets]
    settled = list(Charge.objects.filter(state="settled").order_by("number").values())
    for row in settled:
        settle(worker, call_of(int(row["key"].split(":")[2])), {"input_tokens": 7})

    assert list(Charge.objects.filter(state="settled").order_by("number").values()) == settled
    assert [state_of(one) for one in budgets] == [sums(one) for one in budgets]


def test_a_replayed_answer_is_booked_once(mina: Actor) -> None:
    worker = running(mina)
    reserve(worker, call_of())

    costs = [settle(worker, call_of()), settle(worker, call_of(), {"input_tokens": 9_999})]

    assert costs == [6_000, 6_000]
    assert Charge.objects.get().micro_usd == 6_000


def test_twenty_sessions_race_for_one_budget(ada: Actor, mina: Actor) -> None:
    workers = [running(mina) for _ in range(SESSIONS)]
    budget = cap(ada, 3 * MOST + 100_000)
    rooms = threading.Lock()
    most: list[int] = []

    def work(index: int) -> int:
        done = 0
        for step in range(1, 6):
            call = call_of(step, session=index + 1)
            try:
                reserve(workers[index], call)
            except (OverBudget, Unavailable):
                continue
            with rooms:
                most.append(Charge.objects.filter(state="reserved").count())
            settle(workers[index], call, {"output_tokens": 30_000})
            done += 1
        return done

    answers = together(SESSIONS, work)

    spent, reserved = state_of(budget)
    assert all(isinstance(answer, int) for answer in answers), answers
    assert sum(answers) == Charge.objects.count() == 3
    assert (spent, reserved) == (3 * 600_000, 0)
    assert max(most) <= 3
    assert spent <= budget.cap_micro_usd


def test_a_race_overspends_by_what_answers_were_dearer_than_reserved(
    ada: Actor, mina: Actor
) -> None:
    workers = [running(mina) for _ in range(SESSIONS)]
    budget = cap(ada, MOST)

    def work(index: int) -> None:
        try:
            reserve(workers[index], call_of(session=index + 1))
        except (OverBudget, Unavailable):
            return
        settle(workers[index], call_of(session=index + 1), {"output_tokens": 2 * MOST // 20})

    together(SESSIONS, work)

    spent, reserved = state_of(budget)
    assert (spent - budget.cap_micro_usd, reserved) == (MOST, 0)
    assert Decision.objects.filter(kind="budget").count() == 1


def test_no_row_is_settled_twice_and_none_is_booked_after_it_was_given_back(mina: Actor) -> None:
    worker = running(mina)
    row = reserve(worker, call_of())
    end(worker, billed=False)

    with pytest.raises(Conflict):
        CHARGE_STATES.move(row, ChargeState.LOST)

    assert Charge.objects.get().micro_usd == 0


def test_two_rows_never_have_one_key(mina: Actor) -> None:
    worker = running(mina)
    row = reserve(worker, call_of())

    row.pk, row.number = None, 99
    with pytest.raises(IntegrityError, match="charge_once"), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.parametrize(
    "gone",
    [
        {"lease_until": None},
        {"epoch": 2},
        {"ended_at": "now"},
        {"lease_until": "now"},
    ],
)
def test_the_sweep_books_the_reservations_of_workers_that_are_gone(
    ada: Actor, mina: Actor, gone: dict[str, object]
) -> None:
    worker = running(mina)
    budget = cap(ada, 1_000_000)
    reserve(worker, call_of())
    jobs.sweep()
    kept = Charge.objects.get().state
    at = clock.now() - timedelta(seconds=1)
    Run.objects.update(**{key: at if value == "now" else value for key, value in gone.items()})

    jobs.sweep()

    row = Charge.objects.get()
    assert (kept, row.state, row.micro_usd) == ("reserved", "lost", MOST)
    assert state_of(budget) == (MOST, 0)


def test_an_answer_is_stopped_only_by_a_budget_that_pays_for_it(ada: Actor, mina: Actor) -> None:
    worker = running(mina)
    cap(ada, 1_000_000)
    reserve(worker, call_of())
    assert worker.run_id is not None
    before = ledger.must_stop(worker.run_id)

    act(ada, "task.open", title="Something else")
    cap(ada, 1, "task", "1")
    Budget.objects.filter(scope="task").update(spent_micro_usd=5)
    other = ledger.must_stop(worker.run_id)
    Budget.objects.filter(scope="project").update(spent_micro_usd=1_000_000)

    assert (before, other) == ("", "")
    assert ledger.must_stop(worker.run_id) == "the budget of the project is spent"


def test_the_ledger_is_written_only_under_the_lock(mina: Actor) -> None:
    worker = running(mina)

    with pytest.raises(AssertionError, match="not locked"):
        ledger.reserve(worker.at(clock.now()), call_of(), 0)


# -- Reading --------------------------------------------------------------------------------------
def test_a_summary_is_the_sum_of_its_rows(ada: Actor, mina: Actor, ivo: Actor) -> None:
    for actor, session in ((mina, 1), (ivo, 2)):
        worker = running(actor)
        settle(worker, call_of(session=session), {**USAGE, "cache_read_tokens": 3_000})
    reserve(running(mina), call_of(2))

    whole, mine = act(ada, "cost.summary"), act(ada, "cost.summary", agent="mina")

    assert (whole["micro_usd"], whole["calls"], whole["reserved_micro_usd"]) == (13_200, 2, MOST)
    assert (mine["micro_usd"], mine["replay_factor"]) == (6_600, 3.0)


def test_rows_are_read_with_a_cursor(ada: Actor, mina: Actor, eve: Actor) -> None:
    worker = running(mina)
    for step in (1, 2, 3):
        settle(worker, call_of(step))

    first = act(mina, "cost.rows", limit=2)
    rest = act(mina, "cost.rows", after=first[-1]["number"], limit=2)

    assert [row["number"] for row in [*first, *rest]] == [1, 2, 3]
    assert (first[0]["agent"], first[0]["micro_usd"]) == ("mina", 6_000)
    assert act(eve, "cost.rows") == []


def test_costs_are_told_in_chat(ada: Actor, mina: Actor) -> None:
    act(ada, "task.open", title="Build a rocket")
    task = Task.objects.get()
    settle(running(mina), call_of(task_id=task.pk))

    told = [act(ada, "cost.tell")["text"], act(ada, "cost.tell", task=1)["text"]]

    assert told[0].startswith("The project cost $0.0060 so far, $0.0060 of it in the last 24 hours")
    assert told[1].startswith("#1 build-a-rocket cost $0.0060")


def test_a_reservation_goes_with_the_transaction_that_made_it(ada: Actor, mina: Actor) -> None:
    worker = running(mina)
    budget = cap(ada, 1_000_000)

    with suppress(ZeroDivisionError), project_lock(ada.project_id) as lock:
        ledger.reserve(worker.at(lock.now), call_of(), 0)
        raise ZeroDivisionError

    assert state_of(budget) == (0, 0)
    assert not Charge.objects.exists()
