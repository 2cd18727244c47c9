"""The main job with the anthropic provider: the real SDK, against a Messages API on loopback."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from agents import jobs, rehearsing
from agents.actions import waits
from agents.models import Handoff
from hub import jobs as hub_jobs
from hub.models import Budget, Charge, Decision

from .fake_messages import Behaviour, FakeMessages
from .fake_player import player
from .fake_wire import Fails, Says
from .stage import Set
from .told import troubles

PATIENCE_S = 240
LIMITED = Fails(status=429, kind="rate_limit_error", headers={"retry-after": "0"})
BUSY = Fails(status=529, kind="overloaded_error")


@pytest.fixture
def with_anthropic(stage: Set, api: FakeMessages, monkeypatch: pytest.MonkeyPatch) -> Set:
    """A stage whose team asks the Messages API; what failed is asked again after a moment."""
    monkeypatch.setattr(waits, "FIRST_RETRY_S", 0.2)
    api.player = player()
    stage.act("project.update", provider="anthropic")
    return stage


def check_end(stage: Set, problem: str) -> None:
    """One end whatever went wrong: two merges, nothing said, done or booked twice, a whole log."""
    assert (problem, troubles(stage.stage)) == ("", [])


def test_an_objective_travels_to_a_merged_branch_with_anthropic(
    with_anthropic: Set, api: FakeMessages
) -> None:
    problem = rehearsing.play(with_anthropic.stage, PATIENCE_S, lambda _line: None)

    assert api.refused == []
    check_end(with_anthropic, problem)


def troubled(plays: Callable[[dict[str, Any]], Says], seen: Counter[str]) -> Any:
    """Let an API refuse, be busy and cut its streams, each now and then."""
    numbers = count(1)

    def play(body: dict[str, Any]) -> Behaviour:
        number = next(numbers)
        if number % 5 == 0:
            seen["429"] += 1
            return LIMITED
        if number % 7 == 0:
            seen["529"] += 1
            return BUSY
        if number % 6 == 0:
            seen["cut"] += 1
            return replace(plays(body), cut_at=300)  # at most in its first events
        return plays(body)

    return play


def test_an_api_that_refuses_and_cuts_streams_changes_nothing_of_the_end(
    with_anthropic: Set, api: FakeMessages
) -> None:
    seen: Counter[str] = Counter()
    api.player = troubled(api.player, seen)

    problem = rehearsing.play(with_anthropic.stage, PATIENCE_S, lambda _line: None)

    assert min(seen["429"], seen["529"], seen["cut"]) > 3
    check_end(with_anthropic, problem)


def test_jobs_that_come_twice_change_nothing_of_the_end(
    with_anthropic: Set, api: FakeMessages
) -> None:
    def again(_line: str) -> None:
        for _ in range(2):
            hub_jobs.sweep()
            jobs.sweep()
            jobs.wake(with_anthropic.stage.project.pk)

    problem = rehearsing.play(with_anthropic.stage, PATIENCE_S, again)

    assert api.refused == []
    check_end(with_anthropic, problem)


def test_a_budget_that_ends_half_way_is_raised_by_a_person(
    with_anthropic: Set, api: FakeMessages
) -> None:
    with_anthropic.act("budget.set", scope="project", cap_usd="0.8")

    problem = rehearsing.play(with_anthropic.stage, PATIENCE_S, lambda _line: None)

    assert Decision.objects.filter(kind="budget", state="answered").exists()
    assert api.refused == []
    check_end(with_anthropic, problem)
    budget = Budget.objects.get()
    assert budget.spent_micro_usd == sum(row.micro_usd for row in Charge.objects.all())
    assert budget.reserved_micro_usd == 0


LIMIT = 100_000
FULL_AFTER = 5
FULL = {
    "input_tokens": LIMIT * 84 // 100,
    "output_tokens": 100,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
}


def growing(plays: Callable[[dict[str, Any]], Says]) -> Any:
    """Let every conversation, a successor's too, be 84 % of its limit from its sixth answer on."""

    def play(body: dict[str, Any]) -> Behaviour:
        answers = sum(message["role"] == "assistant" for message in body["messages"])
        says = plays(body)
        return replace(says, usage=FULL) if answers >= FULL_AFTER else says

    return play


def test_conversations_that_reach_their_limit_change_shift_and_nothing_of_the_end(
    with_anthropic: Set, api: FakeMessages
) -> None:
    for role in ("em", "manager", "implementer", "tester", "reviewer", "documenter"):
        with_anthropic.act("role.set", role=role, context_limit_tokens=LIMIT)
    api.player = growing(api.player)

    problem = rehearsing.play(with_anthropic.stage, PATIENCE_S, lambda _line: None)

    assert api.refused == []
    check_end(with_anthropic, problem)
    rows = Handoff.objects.select_related("predecessor__task")
    assert {(row.state, row.is_composed) for row in rows} == {("acknowledged", False)}
    assert {row.reason for row in rows} == {f"its context is 84 % of {LIMIT:,} tokens"}
    shifts = Counter((row.predecessor.role, row.predecessor.task_id) for row in rows)
    assert {role for role, _ in shifts} == {"em", "manager"}
    assert max(shifts.values()) > 1  # a successor hands over, too
