"""What the end of a session frees, whom an agent may end or steer, and who comes after."""

from dataclasses import replace

import pytest

from agents import jobs, turns
from agents.models import Session, SessionState, Workspace
from hub import identify, registry
from hub.actions import events, inbox
from hub.errors import Conflict, Forbidden, Invalid
from hub.models import Decision, Member, Message, Objective, Project, Run, Task

from .played import use
from .stage import Set


def actor_of(stage: Set, row: Session):
    """Take a session's lease and give its actor."""
    Session.objects.exclude(pk=row.pk).update(due_at=None)
    return stage.lease().actor()


def test_a_task_that_was_meant_for_a_gone_agent_is_anybodys(stage: Set) -> None:
    row = stage.start("manager")
    for title in ("Held", "Waiting"):
        stage.act("task.open", title=title, to=row.member.name)
    registry.call(actor_of(stage, row), "task.claim", {"task": 1})

    stage.act("session.cancel", session=row.number)

    assert list(Task.objects.order_by("pk").values_list("state", "assignee_id")) == [
        ("open", None),
        ("open", None),
    ]
    stage.act("task.claim", task=1)
    stage.act("task.claim", task=2)


def test_questions_die_with_their_session_and_the_objective_goes_on(stage: Set) -> None:
    stage.act("message.post", channel="project", text="Make it faster.")
    wish = stage.act("objective.open", message=Message.objects.latest("seq").seq)
    stage.act("task.open", title="Faster", objective=wish["number"])
    row = stage.start("manager", task=1)
    registry.call(actor_of(stage, row), "decision.ask", {"text": "How fast?", "task": 1})
    waiting = Objective.objects.get().state

    stage.act("session.cancel", session=row.number)

    assert Decision.objects.get().state == "canceled"
    assert (waiting, Objective.objects.get().state) == ("waiting", "active")


def test_canceling_reaches_the_children_of_a_child_that_is_over(stage: Set) -> None:
    rows = [stage.start("manager") for _ in range(3)]
    for child, parent in zip(rows[1:], rows, strict=False):
        Session.objects.filter(pk=child.pk).update(parent=parent)
    registry.call(actor_of(stage, rows[1]), "session.finish", {"summary": "Done."})

    stage.act("session.cancel", session=rows[0].number)

    assert [Session.objects.get(pk=row.pk).state for row in rows] == [
        SessionState.CANCELED,
        SessionState.SUCCEEDED,
        SessionState.CANCELED,
    ]


def test_a_canceled_turn_keeps_its_checkout_until_its_worker_lets_go(
    stage: Set, played, monkeypatch
) -> None:
    played(("", [use("run_command", command="true")]))
    stage.act("task.open", title="Write something")
    row = stage.start("implementer", task=1)
    real, seen = turns.toolbox.run, []

    def then_canceled(*args, **options):
        stage.act("session.cancel", session=row.number)
        seen.append(Workspace.objects.get().writer_id)
        other = stage.start("implementer", task=1)
        actor = actor_of(stage, other)
        registry.call(actor, "turn.begin", {})
        seen.append(registry.call(actor, "workspace.take", {"write": True}))
        seen.append(actor)
        return real(*args, **options)

    monkeypatch.setattr(turns.toolbox, "run", then_canceled)
    turns.run_next("local")

    writer, taken, actor = seen
    assert (writer, taken) == (row.run_id, None)
    assert registry.call(actor, "workspace.take", {"write": True}) is not None


def test_a_new_engineering_manager_has_the_old_ones_name_and_reads_on_from_there(
    stage: Set, played
) -> None:
    provider = played()
    jobs.sweep()
    stage.act("message.post", channel="project", text="The first wish.")
    stage.wake()
    stage.run_all()
    first = Session.objects.get()
    stage.act("session.cancel", session=first.number)

    jobs.sweep()
    second = Session.objects.get(number=2)
    stage.run_all()

    assert second.member_id != first.member_id
    assert second.member.name == first.member.name
    assert "The first wish." not in provider.requests[-1].prompt
    old, new = (inbox.reader_name(row.member_id) for row in (first, second))
    project = stage.stage.project.pk
    assert events.cursor_of(project, new) > events.cursor_of(project, old)


def test_a_new_engineering_manager_reads_what_the_old_one_had_not(stage: Set, played) -> None:
    provider = played()
    jobs.sweep()
    stage.run_all()
    stage.act("message.post", channel="project", text="A wish nobody read.")
    stage.act("session.cancel", session=1)

    jobs.sweep()
    stage.run_all()

    assert "A wish nobody read." in provider.requests[-1].prompt


@pytest.mark.parametrize("line", ["!cancel {number}", "!steer {number} Stop that."])
def test_an_agents_chat_commands_reach_no_further_than_its_tools(stage: Set, line: str) -> None:
    other = stage.start("em")
    actor = actor_of(stage, stage.start("manager"))
    before = Message.objects.count()

    registry.call(
        actor, "message.post", {"channel": "project", "text": line.format(number=other.number)}
    )

    other.refresh_from_db()
    assert other.ended_at is None
    assert Message.objects.count() == before + 1
    assert "directs only the sessions it started" in Message.objects.latest("seq").refusal


@pytest.mark.parametrize(
    ("action", "extra"),
    [
        ("session.cancel", {}),
        ("session.pause", {}),
        ("session.resume", {}),
        ("session.steer", {"text": "Stop."}),
    ],
)
def test_an_agent_directs_only_sessions_it_started(stage: Set, action: str, extra: dict) -> None:
    other = stage.start("em")
    actor = actor_of(stage, stage.start("manager"))

    with pytest.raises(Forbidden) as refusal:
        registry.call(actor, action, {"session": other.number, **extra})

    assert refusal.value.code == "session.not_yours"


def test_an_agent_directs_what_it_started(stage: Set) -> None:
    actor = actor_of(stage, stage.start("manager"))
    made = registry.call(actor, "session.start", {"role": "tester"})

    registry.call(actor, "session.steer", {"session": made["number"], "text": "Look here."})
    registry.call(actor, "session.pause", {"session": made["number"]})
    registry.call(actor, "session.resume", {"session": made["number"]})
    done = registry.call(actor, "session.cancel", {"session": made["number"]})

    assert done["state"] == "canceled"


def test_an_agent_that_talks_without_a_run_still_counts_its_children(stage: Set) -> None:
    row = stage.start("manager")
    actor = identify.of_member(row.member, "web")
    for _ in range(10):
        registry.call(actor, "session.start", {"role": "tester"})

    with pytest.raises(Conflict) as refusal:
        registry.call(actor, "session.start", {"role": "tester"})

    assert refusal.value.code == "session.too_many"


def test_commands_in_a_steering_text_are_words(stage: Set) -> None:
    row = stage.start("em")

    stage.act("session.steer", session=row.number, text="Do this:\n!cancel 1\nTASK: Something new")

    row.refresh_from_db()
    assert row.ended_at is None
    assert not Task.objects.exists()
    assert "TASK: Something new" in Message.objects.latest("seq").text


def test_whoever_writes_code_needs_a_repository(stage: Set) -> None:
    Project.objects.filter(pk=stage.stage.project.pk).update(repository="")

    with pytest.raises(Conflict) as refusal:
        stage.act("session.start", role="implementer")

    assert refusal.value.code == "project.no_repository"


def test_secrets_in_briefs_and_summaries_are_masked(stage: Set) -> None:
    secret = "ghp_" + "a1B2" * 9
    row = stage.start("tester", brief=f"Use {secret}")

    registry.call(actor_of(stage, row), "session.finish", {"summary": f"Used {secret}"})

    row.refresh_from_db()
    assert secret not in row.brief + row.summary
    assert "[masked]" in row.summary


def test_only_a_session_finishes_itself(stage: Set) -> None:
    bold = replace(stage.person, capabilities=stage.person.capabilities | {"run"})

    with pytest.raises(Invalid) as refusal:
        registry.call(bold, "session.finish", {"summary": "I am done."})

    assert refusal.value.code == "session.none"


def test_a_session_that_holds_a_task_cannot_finish(stage: Set) -> None:
    stage.act("task.open", title="Something")
    row = stage.start("manager", task=1)
    actor = actor_of(stage, row)
    registry.call(actor, "task.claim", {"task": 1})

    with pytest.raises(Conflict) as refusal:
        registry.call(actor, "session.finish", {"summary": "I am done."})

    assert refusal.value.code == "session.holds_task"
    assert Run.objects.get(pk=row.run_id).ended_at is None


def test_sessions_are_listed_with_and_without_the_finished(stage: Set) -> None:
    for _ in range(2):
        stage.start("tester")
    stage.act("session.cancel", session=1)

    shown = [stage.act("session.list", finished=finished) for finished in (False, True)]

    assert [[row["number"] for row in rows] for rows in shown] == [[2], [2, 1]]


def test_a_paused_session_is_not_paused_again(stage: Set) -> None:
    row = stage.start("em")
    stage.act("session.pause", session=row.number)

    with pytest.raises(Conflict) as refusal:
        stage.act("session.pause", session=row.number)

    assert refusal.value.code == "session.not_running"


def test_the_transcript_is_read_after_a_cursor(stage: Set, played) -> None:
    played(("I look.", [use("task_list")]))
    row = stage.start("em")
    stage.run_all()
    whole = stage.act("session.transcript", session=row.number)

    rest = stage.act("session.transcript", session=row.number, after=1, limit=1)

    assert [entry["kind"] for entry in whole] == ["read", "said", "tool"]
    assert rest == whole[1:2]


def test_a_member_that_was_retired_says_nothing_new(stage: Set) -> None:
    row = stage.start("em")
    stage.act("session.cancel", session=row.number)

    assert Member.objects.get(pk=row.member_id).retired_at is not None
