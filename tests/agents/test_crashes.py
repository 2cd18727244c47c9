"""Crashes and races: one runner at a time, nothing twice, nothing lost."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from agents import jobs, leases, providers, toolbox, turns
from agents.models import Session, Step, ToolCall, Turn, TurnState
from agents.providers.base import Answer, Request, Stop
from hub import clock, registry
from hub.errors import Conflict, Unavailable
from hub.models import Message, Run

from .played import say, use
from .stage import Set


class Crash(BaseException):
    """What kills a worker: not an Exception, so nothing handles it."""


def test_the_answer_is_stored_before_any_tool_runs(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    played(("I do it.", [say("once")]))
    row = stage.start("em")
    monkeypatch.setattr(toolbox, "run", crash)

    with pytest.raises(Crash):
        turns.run_next("local")

    assert Step.objects.get(turn__session=row).text == "I do it."
    assert ToolCall.objects.get().state == "planned"


def crash(*_args: object, **_options: object) -> None:
    raise Crash


def test_a_retaken_turn_replays_the_stored_answer_and_acts_once(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played(("I do it.", [say("once")]))
    row = stage.start("em")
    real = toolbox.run

    def after_the_effect(*args: Any) -> None:
        real(*args)
        raise Crash

    monkeypatch.setattr(toolbox, "run", after_the_effect)
    with pytest.raises(Crash):
        turns.run_next("local")
    monkeypatch.setattr(toolbox, "run", real)

    stage.run_all()

    assert Message.objects.filter(text="once").count() == 1
    assert row.turns.count() == 1
    assert [request.role for request in provider.requests] == ["em", "em"]


def test_an_effect_without_a_result_is_reported_as_interrupted(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.act("task.open", title="Write something")
    command = "echo once >> /tmp/never || true"
    provider = played(("", [use("run_command", command=command)]))
    row = stage.start("implementer", task=1)
    monkeypatch.setattr(toolbox, "run", crash)
    with pytest.raises(Crash):
        turns.run_next("local")
    monkeypatch.undo()
    monkeypatch.setattr(providers, "PROVIDERS", {"rehearsal": provider})
    Session.objects.filter(pk=row.pk).update(due_at=clock.now())

    stage.run_all()

    call = ToolCall.objects.get()
    assert call.state == "interrupted"
    assert "may have happened" in provider.requests[-1].exchanges[0].outcomes[0].text
    assert provider.requests[-1].exchanges[0].outcomes[0].is_error


def test_a_lease_that_is_over_is_taken_with_a_higher_epoch(stage: Set) -> None:
    row = stage.start("em")
    first = stage.lease()
    Run.objects.filter(pk=row.run_id).update(lease_until=clock.now() - timedelta(seconds=1))

    second = stage.lease()

    assert (first.epoch, second.epoch) == (1, 2)
    with pytest.raises(Conflict) as refusal:
        registry.call(first.actor(), "message.post", {"channel": "project", "text": "late"})
    assert refusal.value.code == "run.stale"


def test_a_leased_session_is_nobody_elses(stage: Set) -> None:
    stage.start("em")
    stage.lease()

    assert leases.claim("local") is None


@pytest.mark.services
def test_twenty_workers_take_each_session_once(stage: Set) -> None:
    for _ in range(10):
        stage.start("tester")
    taken: list[leases.Lease] = []
    barrier = threading.Barrier(20)

    def work() -> None:
        try:
            barrier.wait()
            while (lease := leases.claim("local")) is not None:
                taken.append(lease)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 10
    assert len({lease.session_id for lease in taken}) == 10


def test_a_failed_turn_is_tried_again_and_then_waits_for_a_person(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played()
    monkeypatch.setattr(provider, "respond", overloaded)
    row = stage.start("em")

    for _ in range(3):
        Session.objects.filter(pk=row.pk).update(due_at=clock.now())
        stage.run_all()

    row.refresh_from_db()
    assert row.paused_at is not None
    assert row.activity == "paused after three failed turns"
    assert set(row.turns.values_list("state", flat=True)) == {TurnState.FAILED}


def overloaded(_request: Request, _stop: Stop) -> Answer:
    raise Unavailable("The model is overloaded.", code="provider.overloaded")


def test_a_failed_turn_leaves_its_news_unread(stage: Set, played, monkeypatch) -> None:
    provider = played()
    stage.start("em")
    stage.run_all()
    stage.act("message.post", channel="project", text="Do not lose this.")
    stage.wake()
    real = provider.respond
    monkeypatch.setattr(provider, "respond", overloaded)
    stage.run_all()
    monkeypatch.setattr(provider, "respond", real)
    Session.objects.update(due_at=clock.now())

    stage.run_all()

    assert "Do not lose this." in provider.requests[-1].prompt


def test_every_job_delivered_twice_changes_nothing(stage: Set, played) -> None:
    played(("", [say("only once")]))
    row = stage.start("em")

    for job in (jobs.run_turn, jobs.run_turn, jobs.sweep, jobs.sweep, jobs.run_turn):
        job()

    assert Message.objects.filter(author=row.member).count() == 1
    assert Turn.objects.filter(session=row).count() == 1
