"""Budgets: set and raised by people, warned of once, and never a row that says otherwise."""

import pytest
from django.db import IntegrityError, transaction

from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid, NotFound, OverBudget
from hub.models import Budget, BudgetScope, Decision, Message, Project
from tests.cast import act, last_event, log_end, logged, without

from .spending import MOST, call_of, reserve, running, settle, state_of


def cap(actor: Actor, micro_usd: int, scope: str = "project", of: str = "") -> Budget:
    act(actor, "budget.set", scope=scope, of=of, cap_usd=str(micro_usd / 1_000_000))
    return Budget.objects.get(scope=scope)


def test_a_person_sets_a_budget(ada: Actor) -> None:
    before = log_end(ada)

    answer = act(ada, "budget.set", scope="project", cap_usd="12.5")

    assert (answer["cap_micro_usd"], answer["title"]) == (12_500_000, "the project")
    assert logged(ada, before) == ["budget.set"]
    assert last_event(ada).facts == {"scope": "project", "of": "", "cap": 12_500_000}


def test_setting_it_again_changes_the_one_there_is(ada: Actor) -> None:
    cap(ada, 1_000_000)
    before = log_end(ada)

    cap(ada, 500_000)

    assert Budget.objects.count() == 1
    assert logged(ada, before) == ["budget.set"]
    assert last_event(ada).facts["before"] == 1_000_000


@pytest.mark.parametrize(
    ("scope", "of", "title"),
    [
        ("objective", "1", "objective 1"),
        ("task", "#1", "#1 build-a-rocket"),
        ("task", "build-a-rocket", "#1 build-a-rocket"),
        ("agent", "@mina", "mina"),
    ],
)
def test_a_budget_is_for_an_objective_a_task_or_an_agent(
    ada: Actor, mina: Actor, scope: str, of: str, title: str
) -> None:
    act(ada, "objective.open", text="Land on the moon")
    act(ada, "task.open", title="Build a rocket", objective=1)

    answer = act(ada, "budget.set", scope=scope, of=of, cap_usd="1")

    assert answer["title"] == title


@pytest.mark.parametrize(
    ("scope", "of"), [("project", "moon"), ("task", ""), ("objective", "x"), ("agent", "ada")]
)
def test_what_it_is_for_must_fit(ada: Actor, scope: str, of: str) -> None:
    with pytest.raises(Invalid) as refusal:
        act(ada, "budget.set", scope=scope, of=of, cap_usd="1")

    assert refusal.value.code == "budget.of"
    assert not Budget.objects.exists()


def test_what_it_cost_before_counts(ada: Actor, mina: Actor) -> None:
    worker = running(mina)
    reserve(worker, call_of())
    settle(worker, call_of())
    reserve(worker, call_of(2))

    budget = cap(ada, 1_000_000, "agent", "mina")

    assert state_of(budget) == (6_000, MOST)


def test_raising_it_is_one_event(ada: Actor) -> None:
    cap(ada, 1_000_000)
    before = log_end(ada)

    answer = act(ada, "budget.raise", scope="project", cap_usd="2")

    assert answer["cap_micro_usd"] == 2_000_000
    assert logged(ada, before) == ["budget.raised"]


@pytest.mark.parametrize("amount", ["1", "0.5"])
def test_a_raise_is_higher(ada: Actor, amount: str) -> None:
    cap(ada, 1_000_000)

    with pytest.raises(Conflict) as refusal:
        act(ada, "budget.raise", scope="project", cap_usd=amount)

    assert refusal.value.code == "budget.not_higher"


def test_what_has_no_budget_cannot_be_raised(ada: Actor) -> None:
    with pytest.raises(NotFound):
        act(ada, "budget.raise", scope="project", cap_usd="2")


@pytest.mark.parametrize("action", ["budget.set", "budget.raise"])
def test_agents_and_people_without_the_right_only_read(
    ada: Actor, grace: Actor, mina: Actor, action: str
) -> None:
    cap(ada, 1_000_000)

    for actor in (grace, mina, without(ada, "manage")):
        with pytest.raises(Forbidden):
            act(actor, action, scope="project", cap_usd="5")

    assert [row["cap_micro_usd"] for row in act(mina, "budget.list")] == [1_000_000]


def test_eve_raises_no_budget_of_the_moon(ada: Actor, eve: Actor) -> None:
    budget = cap(ada, 1_000_000)

    with pytest.raises(NotFound):
        act(eve, "budget.raise", scope="project", cap_usd="5")

    budget.refresh_from_db()
    assert budget.cap_micro_usd == 1_000_000
    assert act(eve, "budget.list") == []


def test_it_is_set_and_told_in_chat(ada: Actor) -> None:
    act(ada, "message.post", channel="project", text="!cap project 20")
    act(ada, "message.post", channel="project", text="!budget")

    said = Message.objects.filter(author__name="Parley").order_by("-seq")[0].text
    assert said == "the project: $0.00 of $20.00 spent"


# -- Warnings -------------------------------------------------------------------------------------
def spend(worker: Actor, step: int, micro_usd: int) -> None:
    reserve(worker, call_of(step))
    settle(worker, call_of(step), {"output_tokens": micro_usd // 20})


def test_at_four_fifths_a_card_asks_once(ada: Actor, mina: Actor) -> None:
    worker = running(mina)
    budget = cap(ada, 2_000_000)

    spend(worker, 1, 1_300_000)
    quiet = Decision.objects.exists()
    spend(worker, 2, 320_000)
    settle(worker, call_of(3), {"output_tokens": 10})

    card = Decision.objects.get()
    budget.refresh_from_db()
    assert not quiet
    assert budget.card_id == card.pk
    assert "81 % of the budget of the project is spent: $1.62 of $2.00 spent" in card.text
    assert card.link == "/p/moon/costs/"


def test_a_person_raises_it_by_answering_the_card(ada: Actor, mina: Actor) -> None:
    budget = cap(ada, 1_000_000)
    settle(running(mina), call_of(), {"output_tokens": 45_000})
    before = log_end(ada)

    act(ada, "decision.answer", decision=1, answer="1")

    budget.refresh_from_db()
    assert (budget.cap_micro_usd, budget.warned_at) == (1_500_000, None)
    assert logged(ada, before) == ["decision.answered", "message.posted", "budget.raised"]


def test_answering_the_card_gives_nobody_the_right_to_raise(
    ada: Actor, grace: Actor, mina: Actor
) -> None:
    budget = cap(ada, 1_000_000)
    settle(running(mina), call_of(), {"output_tokens": 45_000})

    act(grace, "decision.answer", decision=1, answer="1")

    budget.refresh_from_db()
    assert budget.cap_micro_usd == 1_000_000
    assert "could not be carried out" in Message.objects.order_by("-seq")[0].text


def test_a_new_cap_withdraws_the_card_and_asks_again_later(ada: Actor, mina: Actor) -> None:
    worker = running(mina)
    cap(ada, 1_000_000)
    settle(worker, call_of(), {"output_tokens": 45_000})

    act(ada, "budget.raise", scope="project", cap_usd="1.1")
    settle(worker, call_of(2), {"output_tokens": 1})

    states = list(Decision.objects.order_by("number").values_list("state", flat=True))
    assert states == ["canceled", "open"]


# -- Rows -----------------------------------------------------------------------------------------
def test_a_call_that_does_not_fit_leaves_no_trace(ada: Actor, mina: Actor) -> None:
    worker = running(mina)
    budget = cap(ada, 600_000, "agent", "mina")
    project = cap(ada, 9_000_000)
    before = log_end(ada)

    with pytest.raises(OverBudget) as refusal:
        reserve(worker, call_of())

    assert refusal.value.detail == {"budget": budget.pk}
    assert (state_of(budget), state_of(project)) == ((0, 0), (0, 0))
    assert logged(ada, before) == []


@pytest.mark.parametrize(
    "values",
    [
        {"cap_micro_usd": 0},
        {"spent_micro_usd": -1},
        {"reserved_micro_usd": -1},
        {"scope": BudgetScope.TASK},
    ],
)
def test_the_database_refuses_an_impossible_budget(
    ada: Actor, moon: Project, values: dict[str, object]
) -> None:
    cap(ada, 1_000_000)

    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.update(**values)

    assert Budget.objects.get().scope == "project"
