"""Turns: one runner at a time, nothing twice, and a crash costs nothing but time."""

from datetime import timedelta

from agents import jobs, leases, turns
from agents.models import Entry, Session, SessionState
from hub import clock, registry
from hub.models import Message, Run

from .played import say, use
from .stage import Set


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
    leases.release(lease, whole=True)
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

    told = "".join(Entry.objects.filter(session=row).values_list("text", flat=True))
    assert secret not in told
    assert "[masked]" in told


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
