"""Breakers of providers, and the actions that pull and lift brakes."""

from dataclasses import replace

import pytest

from agents.models import ProviderBreaker, Session
from hub import registry
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Decision, Event, Run
from tests.cast import Clock, eve, mars, without

from .stage import Set

__all__ = ["eve", "mars"]


# -- Providers ------------------------------------------------------------------------------------
def fail_alike(stage: Set, count: int, words: str = "wrong key {}") -> None:
    for number in range(count):
        stage.start("tester")
        actor = stage.lease().actor()
        registry.call(actor, "turn.begin", {})
        ended = {"error": words.format(number), "final": True, "by_provider": True}
        registry.call(actor, "turn.end", ended)
        Run.objects.update(lease_until=None)


def test_five_sessions_that_fail_alike_hold_a_provider_back_everywhere(stage: Set, played) -> None:
    provider = played()
    fail_alike(stage, 5)
    stage.start("em")

    stage.run_all()

    card = Decision.objects.get(kind="brake", text__contains="5 sessions failed alike")
    assert provider.requests == []
    assert ProviderBreaker.objects.get().opened_at is not None
    assert card.choices == ["Try it again", "Leave it stopped"]
    assert Event.objects.filter(name="provider.stopped").count() == 1


def test_a_person_closes_the_breaker_and_what_failed_before_is_forgiven(stage: Set, played) -> None:
    provider = played()
    fail_alike(stage, 5)
    stage.start("em")
    card = Decision.objects.get(kind="brake", text__contains="5 sessions failed alike")

    stage.act("decision.answer", decision=card.number, answer="1")
    stage.run_all()
    fail_alike(stage, 1)

    assert len(provider.requests) == 1
    assert ProviderBreaker.objects.get().opened_at is None


@pytest.mark.parametrize("case", ["four", "different", "long ago"])
def test_other_failures_hold_no_provider_back(stage: Set, stopped: Clock, case: str) -> None:
    if case == "four":
        fail_alike(stage, 4)
    elif case == "different":
        for word in ("one", "two", "three", "four", "five"):
            fail_alike(stage, 1, f"{word} is wrong")
    else:
        fail_alike(stage, 4)
        stopped.pass_s(601)
        fail_alike(stage, 1)

    assert ProviderBreaker.objects.get().opened_at is None


# -- The actions ----------------------------------------------------------------------------------
@pytest.fixture
def team(stage: Set) -> list[Session]:
    """Two sessions of an objective."""
    stage.act("objective.open", text="Land on the moon")
    return [stage.start("manager", objective=1) for _ in range(2)]


def count(name: str) -> int:
    return Event.objects.filter(name=name).count()


def test_an_objective_is_paused_and_resumed_as_a_whole(stage: Set, team) -> None:
    stage.act("objective.pause", objective=1)
    paused = Session.objects.filter(paused_at__isnull=False).count()

    stage.act("objective.resume", objective=1)

    assert (paused, Session.objects.filter(paused_at=None).count()) == (2, 2)
    assert (count("session.paused"), count("session.resumed")) == (2, 2)


def test_what_is_not_running_is_not_paused_and_the_other_way_round(stage: Set, team) -> None:
    with pytest.raises(Conflict) as first:
        stage.act("objective.resume", objective=1)
    stage.act("objective.pause", objective=1)
    with pytest.raises(Conflict) as second:
        stage.act("objective.pause", objective=1)

    assert first.value.code == "objective.not_paused"
    assert second.value.code == "objective.not_running"


def test_retry_of_a_provider_that_runs_is_refused(stage: Set) -> None:
    with pytest.raises(Conflict) as refusal:
        stage.act("provider.retry", provider="rehearsal")

    assert refusal.value.code == "provider.not_stopped"


@pytest.mark.parametrize(
    ("action", "payload", "right"),
    [
        ("objective.pause", {"objective": 1}, "staff"),
        ("objective.resume", {"objective": 1}, "decide"),
        ("provider.retry", {"provider": "rehearsal"}, "decide"),
        ("turn.guard", {}, "run"),
    ],
)
def test_who_lacks_the_right_pulls_and_lifts_nothing(stage: Set, team, action, payload, right):
    with pytest.raises(Forbidden) as refusal:
        registry.call(without(stage.person, right), action, payload)

    assert refusal.value.code == "capability.missing"


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("objective.pause", {"objective": "x"}),
        ("objective.resume", {}),
        ("provider.retry", {"provider": "../etc"}),
    ],
)
def test_bad_arguments_pull_and_lift_nothing(stage: Set, action, payload) -> None:
    with pytest.raises(Invalid):
        stage.act(action, **payload)


def test_only_a_sessions_worker_asks_its_guards(stage: Set, team) -> None:
    worker = replace(stage.person, capabilities=stage.person.capabilities | {"run"})

    with pytest.raises(Invalid) as refusal:
        registry.call(worker, "turn.guard", {})

    assert refusal.value.code == "session.none"


def test_eve_finds_no_objective_of_another_project(stage: Set, team, eve: Actor) -> None:
    for action in ("objective.pause", "objective.resume"):
        with pytest.raises(NotFound):
            registry.call(eve, action, {"objective": 1})
