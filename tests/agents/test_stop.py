"""The global stop, seen from the agents: nothing begins, what runs is broken off, all goes on."""

import subprocess
import threading
import time

import pytest
from django.db import connections

from agents import brakes, children, jobs, leases, turns
from agents.models import PullRequest, Session, ToolCall, TurnState
from agents.processes import Child, start_ticks
from agents.providers.base import Answer, Stopped
from hub import clock, fanout, identify, registry
from hub.actor import Actor
from hub.models import Member

from .played import say, use
from .stage import Set

SOON_S = 2.0


@pytest.fixture
def host(stage: Set) -> Actor:
    """The stage's person in the house."""
    return identify.of_house(Member.objects.get(pk=stage.person.member_id).user, "test")


def stop_in(seconds: float, host: Actor, at: list[float]) -> threading.Thread:
    """Pull the brake from another thread, and note when."""

    def pull() -> None:
        time.sleep(seconds)
        registry.call(host, "house.stop", {})
        at.append(time.monotonic())
        connections.close_all()

    thread = threading.Thread(target=pull)
    thread.start()
    return thread


def test_no_turn_begins_while_everything_is_stopped(stage: Set, played, host) -> None:
    provider = played()
    stage.start("em")
    registry.call(host, "house.stop", {})

    assert stage.run_all() == 0
    assert leases.waiting("local") == 0
    assert provider.requests == []


def test_a_turn_looks_at_the_brake_before_each_call_and_goes_on_when_it_is_lifted(
    stage: Set, played, host, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played(("one", [say("first"), say("second")]))
    row = stage.start("em")
    real = turns.toolbox.run

    def then_stop(*args):
        monkeypatch.setattr(turns.toolbox, "run", real)
        outcome = real(*args)
        registry.call(host, "house.stop", {})
        return outcome

    monkeypatch.setattr(turns.toolbox, "run", then_stop)
    stage.run_all()
    states = list(ToolCall.objects.order_by("number").values_list("state", flat=True))
    asked = len(provider.requests)

    registry.call(host, "house.lift", {})
    stage.run_all()

    assert (states, asked) == (["done", "planned"], 1)
    assert row.turns.get().state == TurnState.DONE
    assert len(provider.requests) == 2


def test_a_running_command_is_broken_off_within_two_seconds_and_says_why(
    stage: Set, played, host
) -> None:
    played(("", [use("run_command", command="sleep 60")]))
    stage.act("task.open", title="Write something")
    row = stage.start("implementer", task=1)
    stopped_at: list[float] = []
    real = children.record

    def then_stop(*args):
        real(*args)
        stop_in(0.1, host, stopped_at)

    children.record = then_stop
    try:
        turns.run_next("local")
    finally:
        children.record = real
    took = time.monotonic() - stopped_at[0]

    call = ToolCall.objects.get()
    assert took < SOON_S + 1  # what is written was made safe before the lease was let go
    assert "[broken off, everything is stopped: it may be half done]" in call.result
    assert (call.is_error, call.child_pid) == (True, None)
    assert row.turns.get().state == TurnState.RUNNING


def test_a_stream_is_given_up_within_two_seconds_and_the_turn_stays_open(
    stage: Set, played, host, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played()
    row = stage.start("em")
    stopped_at: list[float] = []
    heard: list[float] = []

    def slow(_request, stop) -> Answer:
        stop_in(0.1, host, stopped_at)
        for _ in range(600):
            if reason := stop():
                heard.append(time.monotonic())
                raise Stopped(reason, is_billed=True)
            time.sleep(0.01)
        raise AssertionError("it was never told to stop")

    monkeypatch.setattr(provider, "respond", slow)

    turns.run_next("local")

    assert heard[0] - stopped_at[0] < SOON_S
    assert row.turns.get().state == TurnState.RUNNING
    assert leases.waiting("local") == 0


def test_a_pause_lets_the_answer_be_finished_and_begins_no_other_step(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played(("one", [say("first")]))
    row = stage.start("em")
    real = provider.respond

    def paused(request, stop) -> Answer:
        stage.act("session.pause", session=row.number)
        assert stop() == ""
        return real(request, stop)

    monkeypatch.setattr(provider, "respond", paused)

    stage.run_all()

    assert ToolCall.objects.get().state == "planned"
    assert brakes.before_a_step(row.pk) == brakes.SESSION_PAUSED


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("house.stop", "everything is stopped"),
        ("project.pause", "the project is paused"),
        ("session.pause", "the session is paused"),
        ("session.cancel", "the session was ended"),
    ],
)
def test_each_brake_has_its_words(stage: Set, host, action: str, words: str) -> None:
    row = stage.start("em")
    payload = {"session": row.number} if action.startswith("session") else {}

    registry.call(host if action.startswith("house") else stage.person, action, payload)

    assert brakes.before_a_step(row.pk) == words


def test_the_host_of_what_a_dead_worker_left_running_ends_it(
    stage: Set, writer, host, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(
        fanout, "send_job", lambda name, *_, queue="", **_more: sent.append((name, queue))
    )
    order = ("agents.jobs.end_programs", "sessions.local")
    turn = Session.objects.get().turns.get()
    step = turn.steps.create(number=1, text="", is_last=False, at=clock.now())
    call = step.calls.create(number=1, use_id="one", name="run_command", arguments={})
    registry.call(writer, "turn.begin_call", {"call": call.pk})
    program = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    child = Child(pid=program.pid, start_ticks=start_ticks(program.pid))
    children.record(writer, call.pk, child)
    jobs.sweep()
    assert order not in sent

    registry.call(host, "house.stop", {})
    jobs.sweep()
    assert order in sent
    assert program.poll() is None
    jobs.end_programs()

    assert program.wait(5) == -9


def test_nothing_is_merged_while_everything_is_stopped(
    stage: Set, approved: PullRequest, host
) -> None:
    now = clock.now()
    assert PullRequest.objects.claimable(now).count() == 1

    registry.call(host, "house.stop", {})

    assert PullRequest.objects.claimable(now).count() == 0


def test_a_stop_outlives_every_process(stage: Set, host) -> None:
    """It is a row: whoever starts next reads it."""
    registry.call(host, "house.stop", {})
    connections.close_all()

    assert brakes.house_is_stopped()
    assert brakes.at_once() == brakes.STOPPED
    assert Session.objects.due(clock.now()).count() == 0
