"""The supervisor on rows, with a stopped clock: poke, respawn, escalate, and silence."""

import pytest

from agents import jobs, supervising
from agents.actions import endings
from agents.models import PullRequest, Session, SessionState
from hub import fanout, identify
from hub.markdown import RichText
from hub.models import HOUSE, Decision, Event, Message, Objective, Project
from tests.cast import Clock

from .played import Played
from .stage import Set

WISH = "Land on the moon, and tell @Ramona about it"


@pytest.fixture
def provider(played) -> Played:
    return played()


@pytest.fixture
def wish(stage: Set, provider: Played, stopped: Clock, monkeypatch) -> Objective:
    """An active objective whose engineering manager has read of it and sleeps."""
    monkeypatch.setattr(fanout, "send_job", lambda *_job, **_options: None)
    jobs.sweep()
    stage.act("objective.open", text=WISH)
    sweep(stage)
    provider.requests.clear()
    return Objective.objects.get()


def sweep(stage: Set) -> None:
    jobs.sweep()
    stage.wake()
    stage.run_all()


def count(name: str) -> int:
    return Event.objects.filter(name=f"objective.{name}").count()


def managers(stage: Set, number: int, *, began: bool) -> None:
    """Let managers of the objective have died, after a turn or before the first."""
    for _ in range(number):
        row = stage.start("manager", objective=1)
        if began:
            stage.run_all()
        with stage.lock() as lock:
            actor = identify.of_hub(row.project_id).at(lock.now)
            found = Session.objects.select_related("member", "task", "parent").get(pk=row.pk)
            endings.end(actor, found, SessionState.FAILED, "it died")


def test_ninety_one_quiet_seconds_bring_one_poke(
    stage: Set, wish: Objective, provider: Played, stopped: Clock
) -> None:
    stopped.pass_s(91)
    sweep(stage)

    poke = Message.objects.get(author__kind="hub", text__contains="stands still")
    assert count("poked") == 1
    assert len(provider.requests) == 1
    assert "> Land on the moon" in poke.text
    assert "Nothing was begun" in poke.text
    assert "Do exactly one of these now" in poke.text


def test_a_second_poke_within_ninety_seconds_is_not_sent(
    stage: Set, wish: Objective, stopped: Clock
) -> None:
    stopped.pass_s(91)
    sweep(stage)
    stopped.pass_s(89)
    sweep(stage)
    early = count("poked")
    stopped.pass_s(2)
    sweep(stage)

    assert (early, count("poked")) == (1, 2)


def test_a_poke_addresses_nobody_but_the_leader(
    stage: Set, wish: Objective, stopped: Clock
) -> None:
    other = stage.start("tester")
    Objective.objects.update(prompt=f"Ask @{other.member.name}\n" + "x" * 9_000)
    stage.run_all()
    stopped.pass_s(91)

    jobs.sweep()

    poke = Message.objects.get(author__kind="hub", text__contains="stands still")
    leader = Session.objects.live().get(role="em").member.name
    assert set(RichText.of(poke.text).mentions) == {leader}
    assert len(supervising.restated(Objective.objects.get())) <= 6_100


def test_workers_and_open_questions_keep_it_silent(
    stage: Set, wish: Objective, stopped: Clock
) -> None:
    worker = stage.start("tester", objective=1)
    stage.run_all()
    stopped.pass_s(200)
    sweep(stage)
    with_worker = count("poked")
    stage.act("session.cancel", session=worker.number)
    stage.run_all()
    Decision.objects.create(
        project=wish.project,
        number=77,
        kind="question",
        asker=worker.member,
        text="?",
        html="?",
        objective=wish,
        asked_at=stopped.at,
    )
    stopped.pass_s(200)
    sweep(stage)

    assert (with_worker, count("poked")) == (0, 0)


def test_an_open_pull_request_keeps_it_silent(
    stage: Set, approved: PullRequest, stopped: Clock, provider: Played, monkeypatch
) -> None:
    monkeypatch.setattr(fanout, "send_job", lambda *_job, **_options: None)
    stage.act("objective.open", text=WISH)
    approved.task.objective = Objective.objects.get()
    approved.task.save(update_fields=["objective"])
    stopped.pass_s(200)

    sweep(stage)
    stopped.pass_s(200)
    sweep(stage)

    assert count("poked") == 0


@pytest.mark.parametrize("held", ["paused", "project", "house"])
def test_what_a_person_holds_is_not_poked(
    stage: Set, wish: Objective, stopped: Clock, held: str
) -> None:
    leader = Session.objects.live().get(role="em")
    if held == "paused":
        stage.act("session.pause", session=leader.number)
    elif held == "project":
        stage.act("project.pause")
    else:
        Project.objects.filter(pk=HOUSE).update(paused_at=stopped.at)
    stopped.pass_s(91)

    jobs.sweep()

    assert count("poked") == 0


def test_a_dead_manager_is_followed_by_another_who_knows_how_it_stands(
    stage: Set, wish: Objective, stopped: Clock
) -> None:
    managers(stage, 1, began=True)
    stopped.pass_s(91)

    jobs.sweep()

    fresh = Session.objects.live().get(role="manager")
    assert count("respawned") == 1
    assert "is gone" in fresh.brief
    assert "it died" in fresh.brief
    assert fresh.objective_id == wish.pk


def test_a_manager_that_a_person_ended_is_not_followed_by_another(
    stage: Set, wish: Objective, stopped: Clock
) -> None:
    row = stage.start("manager", objective=1)
    stage.run_all()
    stage.act("session.cancel", session=row.number)
    stage.run_all()
    stopped.pass_s(91)

    jobs.sweep()

    assert (count("respawned"), count("poked")) == (0, 1)


def test_four_real_deaths_bring_one_card(stage: Set, wish: Objective, stopped: Clock) -> None:
    managers(stage, 4, began=True)
    for _ in range(4):
        stopped.pass_s(91)
        sweep(stage)

    card = Decision.objects.get(kind="escalation")
    assert (count("respawned"), count("escalated")) == (0, 1)
    assert card.choices == ["Start another manager", "Drop the objective"]
    assert card.objective_id == wish.pk


def test_deaths_before_the_first_turn_are_free_up_to_sixteen(
    stage: Set, wish: Objective, stopped: Clock
) -> None:
    managers(stage, 5, began=False)
    stopped.pass_s(91)
    jobs.sweep()
    after_five = count("respawned")
    managers(stage, 10, began=False)
    live = Session.objects.live().get(role="manager")
    with stage.lock() as lock:
        actor = identify.of_hub(live.project_id).at(lock.now)
        endings.end(actor, live, SessionState.FAILED, "it died")
    stopped.pass_s(91)
    jobs.sweep()

    assert (after_five, count("respawned"), count("escalated")) == (1, 1, 1)


@pytest.mark.parametrize(("answer", "state"), [("1", "active"), ("2", "canceled")])
def test_the_card_does_what_it_says(
    stage: Set, wish: Objective, stopped: Clock, answer: str, state: str
) -> None:
    managers(stage, 4, began=True)
    stopped.pass_s(91)
    jobs.sweep()

    card = Decision.objects.get(kind="escalation")
    stage.act("decision.answer", decision=card.number, answer=answer)

    wish.refresh_from_db()
    assert wish.state == state
    assert Session.objects.live().filter(role="manager").count() == (answer == "1")
