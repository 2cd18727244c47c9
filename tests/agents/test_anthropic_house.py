"""The main job in a house that really runs, with a Messages API on loopback and real deaths."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker

from agents.models import PullRequest, Turn
from agents.rehearsing import Stage
from hub.models import Charge
from tests.hub.running import House, wait_for

from . import dwelling
from .dwelling import Holding, has_just_used, hears_of
from .fake_messages import KEY, FakeMessages
from .fake_player import WHO, player
from .told import troubles

pytestmark = pytest.mark.xdist_group("up")


@pytest.fixture
def house(
    api: FakeMessages, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[House]:
    """A house with a database of its own, which the test uses, too."""
    made = House(
        ANTHROPIC_BASE_URL=api.url,
        ANTHROPIC_API_KEY=KEY,
        PARLEY_SWEEP_S="1",
        PARLEY_COALESCE_S="0",
    )
    settings.PARLEY_HOME = made.home
    try:
        with django_db_blocker.unblock(), dwelling.database_of(made):
            yield made.start("--no-demo")
    finally:
        made.demolish()


@pytest.fixture
def stage(house: House) -> Stage:
    return dwelling.stage_in(house)


def test_a_sessions_worker_that_is_killed_in_turns_changes_nothing_of_the_end(
    house: House, stage: Stage, api: FakeMessages
) -> None:
    writes, asks = has_just_used("run_command"), has_just_used("decision_ask")
    api.player = holding = Holding(player(), writes, asks)
    dwelling.begin(stage)
    killed = [kill_while_it_waits(house, stage, api, holding, number) for number in (1, 2)]

    problem = dwelling.finish(stage)

    assert (problem, troubles(stage), api.refused) == ("", [], [])
    assert [turn.session.role for turn in killed] == ["implementer", "manager"]
    assert [api.bodies.count(body) for body in holding.held] == [2, 2]
    for turn in killed:
        turn.refresh_from_db()
        assert turn.state == "done"
        assert lost_of(turn) == 1


def kill_while_it_waits(
    house: House, stage: Stage, api: FakeMessages, holding: Holding, number: int
) -> Turn:
    """Kill the sessions worker while it waits for the answer that is held as this one in a row."""
    dwelling.go_on(stage, lambda: len(holding.held) == number)
    turn = turn_of(holding.held[-1])
    assert turn.steps.exists()
    pid = house.pid_of("sessions")
    api.gone.clear()

    os.kill(pid, signal.SIGKILL)

    assert api.gone.wait(10)
    wait_for(lambda: house.pid_of("sessions") != pid, "another process of sessions")
    return turn


def turn_of(body: dict[str, Any]) -> Turn:
    """Find the turn for which a request is being made."""
    agent = WHO.search(body["system"][0]["text"])
    assert agent
    running = Turn.objects.filter(session__member__name=agent[1], state="running")
    return running.select_related("session").get()


def lost_of(turn: Turn) -> int:
    """Count the calls of a turn that were paid for nothing."""
    mine = Charge.objects.filter(session=turn.session.number, turn=turn.number)
    return mine.filter(state="lost").count()


def test_a_house_that_is_restarted_half_way_goes_on_to_the_same_end(
    house: House, stage: Stage, api: FakeMessages
) -> None:
    api.player = holding = Holding(player(), hears_of("pull.merged"))
    dwelling.begin(stage)
    dwelling.go_on(stage, lambda: len(holding.held) == 1)
    assert list(PullRequest.objects.values_list("state", flat=True)) == ["merged"]
    turn = turn_of(holding.held[0])
    dwelling.leave()

    house.interrupt()

    assert house.left() == {}
    house.start("--no-demo")
    problem = dwelling.finish(stage)
    assert (problem, troubles(stage), api.refused) == ("", [], [])
    assert api.bodies.count(holding.held[0]) == 2
    assert lost_of(turn) == 1
