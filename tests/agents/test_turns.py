"""Turns: one runner at a time, nothing twice, and a crash costs nothing but time."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from agents import jobs, leases, providers, toolbox, turns
from agents.models import Entry, Session, SessionState, Step, ToolCall, Turn, TurnState
from agents.providers.base import Answer, Request, ToolUse
from hub import clock, registry
from hub.errors import Conflict, Unavailable
from hub.models import Message, Run

from .stage import Set


class Played:
    """A provider for tests: gives the answers it was made with, then ends its turns."""

    name = "rehearsal"

    def __init__(self, *answers: tuple[str, list[ToolUse]]) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        if not self.answers:
            return Answer(text="", calls=(), is_last=True, state={})
        text, calls = self.answers.pop(0)
        return Answer(text=text, calls=tuple(calls), is_last=False, state={})


def use(name: str, **arguments: Any) -> ToolUse:
    return ToolUse(id=f"use-{name}", name=name, arguments=arguments)


def say(text: str) -> ToolUse:
    return use("message_post", channel="project", text=text)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch):
    """Put a provider with given answers in the place of the rehearsal."""

    def install(*answers: tuple[str, list[ToolUse]]) -> Played:
        provider = Played(*answers)
        monkeypatch.setattr(providers, "PROVIDERS", {"rehearsal": provider})
        return provider

    return install


class Crash(BaseException):
    """What kills a worker: not an Exception, so nothing handles it."""


def test_a_turn_reads_answers_acts_and_sleeps(stage: Set, played) -> None:
    played(("I say hello.", [say("Hello, all.")]))
    row = stage.start("em")

    ran = stage.run_all()

    row.refresh_from_db()
    kinds = list(Entry.objects.filter(session=row).order_by("seq").values_list("kind", flat=True))
    assert ran == 1
    assert kinds == ["read", "said", "tool"]
    assert (row.state, row.due_at) == (SessionState.RUNNING, None)
    assert Message.objects.filter(text="Hello, all.", author=row.member).count() == 1
    assert Run.objects.get(pk=row.run_id).lease_until is None


def test_nothing_to_read_calls_no_model(stage: Set, played) -> None:
    provider = played()
    row = stage.start("em")
    stage.run_all()
    Session.objects.filter(pk=row.pk).update(due_at=clock.now())

    stage.run_all()

    assert len(provider.requests) == 1
    assert row.turns.count() == 1


def test_a_person_in_the_project_channel_wakes_the_manager_of_the_project(
    stage: Set, played
) -> None:
    provider = played()
    stage.start("em")
    stage.run_all()

    stage.act("message.post", channel="project", text="Please make it faster.")
    stage.wake()
    stage.run_all()

    assert len(provider.requests) == 2
    assert "Please make it faster." in provider.requests[1].prompt
    assert [item["text"] for item in provider.requests[1].news][-1] == "Please make it faster."


def test_talk_that_concerns_nobody_wakes_nobody(stage: Set, played) -> None:
    provider = played()
    stage.start("em")
    stage.run_all()

    stage.act("message.post", channel="lobby", text="Nice weather.")
    stage.wake()

    assert stage.run_all() == 0
    assert len(provider.requests) == 1


def test_a_mention_wakes_the_agent_wherever_it_is_said(stage: Set, played) -> None:
    provider = played()
    row = stage.start("tester")
    stage.run_all()

    stage.act("message.post", channel="lobby", text=f"@{row.member.name} are you there?")
    stage.wake()
    stage.run_all()

    assert len(provider.requests) == 2


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
    Session.objects.filter(pk=row.pk).update(due_at=clock.now())

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


def overloaded(_request: Request) -> Answer:
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


def test_a_tool_that_is_not_offered_is_refused_to_the_model(stage: Set, played) -> None:
    provider = played(("", [use("token_create", label="mine")]))
    stage.start("tester")

    stage.run_all()

    outcome = provider.requests[-1].exchanges[0].outcomes[0]
    assert outcome.is_error
    assert "tool.unknown" in outcome.text


def test_a_refused_action_is_told_to_the_model_with_its_code(stage: Set, played) -> None:
    provider = played(("", [use("task_claim", task=99)]))
    stage.start("manager")

    stage.run_all()

    assert "task.unknown" in provider.requests[-1].exchanges[0].outcomes[0].text


def test_only_one_agent_writes_in_a_checkout(stage: Set, played) -> None:
    played()
    stage.act("task.open", title="Write something")
    stage.start("implementer", task=1)
    stage.start("tester", task=1)
    first = stage.lease().actor()
    registry.call(first, "turn.begin", {})
    registry.call(first, "workspace.take", {"write": True})

    turns.run_next("local")

    second = Session.objects.get(role="tester")
    assert second.state == SessionState.WAITING_CAPACITY
    assert second.activity == "another agent is writing in the checkout"
    assert second.due_at > clock.now()


def test_a_paused_session_stops_after_its_step_and_goes_on_later(stage: Set, played) -> None:
    played(("one", [say("first")]), ("two", [say("second")]))
    row = stage.start("em")
    lease = stage.lease()
    registry.call(lease.actor(), "turn.begin", {})
    stage.act("session.pause", session=row.number)
    leases.release(lease)
    before = stage.run_all()

    stage.act("session.resume", session=row.number)
    stage.run_all()

    assert before == 0
    assert list(Message.objects.order_by("seq").values_list("text", flat=True)) == [
        "first",
        "second",
    ]


def test_secrets_do_not_reach_the_transcript(stage: Set, played) -> None:
    secret = "sk-ant-" + "a1B2" * 12
    played((f"The key is {secret}", []))
    row = stage.start("em")

    stage.run_all()

    assert secret not in "".join(Entry.objects.filter(session=row).values_list("text", flat=True))


def test_every_job_delivered_twice_changes_nothing(stage: Set, played) -> None:
    played(("", [say("only once")]))
    row = stage.start("em")

    for job in (jobs.run_turn, jobs.run_turn, jobs.sweep, jobs.sweep, jobs.run_turn):
        job()

    assert Message.objects.filter(author=row.member).count() == 1
    assert Turn.objects.filter(session=row).count() == 1


def test_the_sweep_gives_a_project_one_engineering_manager(stage: Set) -> None:
    jobs.sweep()
    jobs.sweep()

    assert Session.objects.filter(role="em").count() == 1


def test_live_sessions_keep_their_claims(stage: Set, played) -> None:
    played(("", [use("task_claim", task=1, lease_s=10)]))
    stage.act("task.open", title="Long work")
    stage.start("manager", task=1)
    stage.run_all()

    jobs.sweep()

    left = stage.stage.project.tasks.get().lease_until - clock.now()
    assert left > timedelta(seconds=600)
