"""What holds an objective open, who may be started in which phase, and the evidence for people."""

import pytest

from agents import waking
from agents.models import PullRequest, Session, ToolCall
from hub import clock, registry
from hub.errors import Conflict
from hub.models import Decision, Event, Message, Objective, Task

from .offering import change, offered
from .stage import Set


@pytest.fixture
def wish(stage: Set) -> int:
    return int(stage.act("objective.open", text="Make it faster")["number"])


def actor_of(stage: Set, row: Session):
    Session.objects.exclude(pk=row.pk).update(due_at=None)
    Session.objects.filter(pk=row.pk).update(due_at=clock.now())
    return stage.lease().actor()


def finish(stage: Set, wish: int):
    return stage.act("objective.finish", objective=wish, summary="Done")


# -- The done gate --------------------------------------------------------------------------------
def test_an_objective_with_a_live_worker_cannot_be_done(stage: Set, wish: int) -> None:
    row = stage.start("tester", objective=wish)

    with pytest.raises(Conflict) as refusal:
        finish(stage, wish)

    assert refusal.value.code == "objective.unfinished"
    assert f"session {row.number} ({row.member.name}, tester)" in refusal.value.message


def test_an_objective_with_an_open_pull_request_cannot_be_done(
    stage: Set, writer, wish: int
) -> None:
    Task.objects.update(objective_id=Objective.objects.get().pk)
    change(writer)
    offered(stage, writer)
    registry.call(writer, "session.finish", {"summary": "Offered"})
    stage.act("task.claim", task=1)
    stage.act("task.finish", task=1)

    with pytest.raises(Conflict) as refusal:
        finish(stage, wish)

    assert "pull request 1 (open)" in refusal.value.message
    stage.act("pull.close", pull=1)
    assert finish(stage, wish)["state"] == "succeeded"


def test_the_manager_of_all_and_who_finishes_hold_nothing_open(stage: Set, wish: int) -> None:
    stage.start("em", objective=wish)
    manager = stage.start("manager", objective=wish)
    payload = {"objective": wish, "summary": "Done"}

    answer = registry.call(actor_of(stage, manager), "objective.finish", payload)

    assert answer["state"] == "succeeded"


def test_calling_an_objective_off_ends_all_that_works_for_it(stage: Set, writer, wish: int) -> None:
    Task.objects.update(objective_id=Objective.objects.get().pk)
    Session.objects.update(objective_id=Objective.objects.get().pk)
    change(writer)
    offered(stage, writer)
    stage.start("em", objective=wish)

    stage.act("objective.cancel", objective=wish, reason="Not needed")

    assert Task.objects.get().state == "dropped"
    assert PullRequest.objects.get().state == "closed"
    states = dict(Session.objects.values_list("role", "state"))
    assert states == {"implementer": "canceled", "em": "queued"}


# -- Questions ------------------------------------------------------------------------------------
def test_a_question_of_one_worker_does_not_stop_the_others(stage: Set, wish: int) -> None:
    stage.act("task.open", title="One", objective=wish)
    stage.act("task.open", title="Two", objective=wish)
    asking, working = (stage.start("manager", task=number) for number in (1, 2))
    registry.call(actor_of(stage, asking), "decision.ask", {"text": "Which?", "task": 1})
    waking.make_due(stage.stage.project.pk)
    Session.objects.update(due_at=None)

    stage.act("message.post", channel="project", text=f"@{working.member.name} go on")
    waking.make_due(stage.stage.project.pk)

    working.refresh_from_db()
    assert Objective.objects.get().state == "waiting"
    assert working.due_at is not None
    assert Session.objects.due(clock.now()).filter(pk=working.pk).exists()


def test_the_answer_is_in_the_next_prompt_of_who_asked(stage: Set, played, wish: int) -> None:
    provider = played()
    stage.act("task.open", title="One", objective=wish)
    row = stage.start("manager", task=1)
    stage.run_all()
    registry.call(actor_of(stage, row), "decision.ask", {"text": "Which?", "task": 1})
    Session.objects.update(due_at=None)
    row.run.__class__.objects.filter(pk=row.run_id).update(lease_until=None)

    stage.act("decision.answer", decision=1, answer="The blue one")
    stage.wake()
    stage.run_all()

    assert "The blue one" in provider.requests[-1].prompt


# -- Phases ---------------------------------------------------------------------------------------
@pytest.fixture
def manager(stage: Set):
    """A manager that holds task 1, in the phase plan."""
    stage.act("task.open", title="Repair", name="repair")
    actor = actor_of(stage, stage.start("manager", task=1))
    registry.call(actor, "task.claim", {"task": 1})
    return actor


@pytest.mark.parametrize(
    ("role", "phases"),
    [
        ("implementer", {"implement", "fix"}),
        ("tester", {"test"}),
        ("reviewer", {"review"}),
        ("documenter", {"document"}),
        ("manager", {"plan", "implement", "test", "review", "fix", "document"}),
    ],
)
def test_an_agent_starts_a_worker_only_in_its_phase(manager, role: str, phases: set) -> None:
    taken, refused = set(), []
    for phase in ("plan", "implement", "test", "review", "fix", "document"):
        Task.objects.update(phase=phase)
        try:
            registry.call(manager, "session.start", {"role": role, "task": 1})
            taken.add(phase)
        except Conflict as refusal:
            refused.append((refusal.code, "task.advance" in refusal.message))

    assert taken == phases
    assert set(refused) <= {("phase.role", True)}


def test_a_stopped_task_gets_no_more_workers(manager) -> None:
    Task.objects.update(phase="test", stopped_at=clock.now())

    with pytest.raises(Conflict) as refusal:
        registry.call(manager, "session.start", {"role": "tester", "task": 1})

    assert refusal.value.code == "task.stopped"


def test_a_person_starts_whom_they_want_and_the_log_says_so(stage: Set) -> None:
    stage.act("task.open", title="Repair", name="repair")

    stage.start("implementer", task=1)

    event = Event.objects.get(name="session.started")
    assert event.facts["out_of_phase"] == "open"
    assert event.actor_id == stage.person.member_id


# -- The third strike -----------------------------------------------------------------------------
def test_the_question_after_three_rounds_carries_the_last_test_and_the_open_notes(
    stage: Set, writer
) -> None:
    change(writer)
    pull = offered(stage, writer)
    notes = [{"path": "wordcount/counting.py", "line": 3, "text": "Never matches"}]
    stage.act("pull.review", pull=pull.number, verdict="changes", text="Not yet", notes=notes)
    ran(writer, "python3 -m unittest", 1, "FAILED (failures=1)")
    stage.act("task.claim", task=1)
    Task.objects.update(phase="test", rounds=3)

    stage.act("task.advance", task=1, phase="fix")

    card = Decision.objects.get(kind="escalation")
    for words in (
        "`python3 -m unittest` ended with 1",
        "FAILED (failures=1)",
        "wordcount/counting.py:3 Never matches",
        f"/p/{stage.stage.project.slug}/pull/1/",
    ):
        assert words in card.context
    assert Message.objects.filter(channel__kind="standup", text__contains="stopped").exists()


def ran(actor, command: str, exit_code: int, output: str) -> None:
    """Write what a command in a session's turn came to."""
    turn = Session.objects.get(run_id=actor.run_id).turns.get(state="running")
    step = turn.steps.create(number=1, text="", is_last=False, at=clock.now())
    ToolCall.objects.create(
        step=step,
        number=1,
        use_id="one",
        name="run_command",
        arguments={"command": command},
        state="done",
        exit_code=exit_code,
        result=output,
    )
