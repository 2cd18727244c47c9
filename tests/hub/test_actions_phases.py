"""A task's way through the workflow, the gates that only people open, and the third strike."""

import pytest

from hub import identify
from hub.actions import gates, takeovers
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Decision, Message, Task
from hub.models.projects import project_lock
from tests.cast import act, last_event, log_end, logged, member_of

ROUNDS = ["implement", *["test", "fix"] * 3, "test"]


@pytest.fixture
def task(ada, ivo) -> int:
    """Task 1, held by ivo, without a plan."""
    number = act(ada, "task.open", title="Land softly")["number"]
    act(ivo, "task.claim", task=number)
    return int(number)


@pytest.fixture
def planned(ivo, task) -> int:
    act(ivo, "message.post", channel="work-1-land-softly", text="Plan: brake, then touch down.")
    return task


@pytest.fixture
def worn_out(ivo, planned) -> int:
    """A task that has had three rounds of fixing and fails its test again."""
    for phase in ROUNDS:
        act(ivo, "task.advance", task=planned, phase=phase)
    return planned


# -- task.advance ---------------------------------------------------------------------------------
def test_advance_moves_a_held_task_to_its_next_phase_and_logs_one_event(ivo, planned):
    before = log_end(ivo)

    answer = act(ivo, "task.advance", task=planned, phase="implement", fence=1)

    assert (answer["phase"], answer["rounds"], answer["stopped_at"]) == ("implement", 0, None)
    assert logged(ivo, before) == ["task.advanced"]
    assert last_event(ivo).facts == {"phase": "implement", "rounds": 0}


def test_advance_refuses_a_phase_out_of_order(ivo, planned):
    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.advance", task=planned, phase="review")

    assert refusal.value.code == "phase.order"


def test_advance_is_the_holders(ada, ivo, planned):
    with pytest.raises(Conflict) as refusal:
        act(ada, "task.advance", task=planned, phase="implement")

    assert refusal.value.code == "task.not_held"
    assert member_of(ivo).held_tasks.get().phase == "plan"


# -- The plan -------------------------------------------------------------------------------------
def test_implement_before_a_plan_is_posted_is_refused(ivo, task):
    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.advance", task=task, phase="implement")

    assert refusal.value.code == "phase.no_plan"
    assert "#work-1-land-softly" in refusal.value.message


def test_a_plan_still_holds_when_its_writer_hands_over(ada, ivo, grace, task):
    act(ivo, "message.post", channel="work-1-land-softly", text="Plan: brake late")
    with project_lock(ivo.project_id) as lock:
        hub = identify.of_hub(ivo.project_id).at(lock.now)
        takeovers.hand_over(hub, member_of(ivo), member_of(grace))

    act(grace, "task.advance", task=task, phase="implement")

    assert Task.objects.get().phase == "implement"


@pytest.mark.parametrize(
    ("who", "channel", "text"),
    [
        ("ada", "work-1-land-softly", "Plan: let him do it"),
        ("ivo", "standup", "Plan: brake"),
        ("ivo", "work-1-land-softly", "I begin now"),
    ],
)
def test_only_the_holders_plan_in_the_work_channel_counts(request, ivo, task, who, channel, text):
    act(request.getfixturevalue(who), "message.post", channel=channel, text=text)

    with pytest.raises(Conflict):
        act(ivo, "task.advance", task=task, phase="implement")


def test_a_plan_that_was_taken_back_does_not_count(ivo, planned):
    act(ivo, "message.delete", message=Message.objects.get(author_id=ivo.member_id).seq)

    with pytest.raises(Conflict):
        act(ivo, "task.advance", task=planned, phase="implement")


def test_a_project_may_do_without_plans(ada, ivo, task):
    assert act(ada, "project.update", requires_plan=False)["requires_plan"] is False

    assert act(ivo, "task.advance", task=task, phase="implement")["phase"] == "implement"


# -- Three strikes --------------------------------------------------------------------------------
def test_after_three_rounds_the_task_stops_standup_hears_it_and_people_get_the_evidence(
    ivo, worn_out, monkeypatch
):
    monkeypatch.setattr(gates, "_evidence", [lambda _: ["Last test: exit 1", "note on line 3"]])
    before = log_end(ivo)

    answer = act(ivo, "task.advance", task=worn_out, phase="fix")

    assert (answer["phase"], answer["rounds"]) == ("test", 3)
    assert answer["stopped_at"] is not None
    card = Decision.objects.get()
    assert card.choices == ["One more round", "Drop the task", "I look at it"]
    assert card.context == "Last test: exit 1\n\nnote on line 3"
    assert card.link == "/p/moon/t/1/"
    assert "stopped after 3 rounds" in Message.objects.get(channel__kind="standup").text
    assert logged(ivo, before)[-1] == "task.stopped"


def test_a_stopped_task_asks_once_and_moves_nowhere(ivo, worn_out):
    act(ivo, "task.advance", task=worn_out, phase="fix")

    for phase in ("fix", "review"):
        with pytest.raises(Conflict) as refusal:
            act(ivo, "task.advance", task=worn_out, phase=phase)
        assert refusal.value.code == "task.stopped"

    assert Decision.objects.count() == 1
    assert "stopped after 3 rounds" in act(ivo, "task.why", task=worn_out)["text"]


@pytest.fixture
def stuck(ivo, worn_out) -> int:
    act(ivo, "task.advance", task=worn_out, phase="fix")
    return worn_out


def test_one_more_round_is_one_more_round(ada, ivo, stuck):
    act(ada, "decision.answer", decision=1, answer="1")

    row = Task.objects.get()
    assert (row.phase, row.rounds, row.stopped_at) == ("fix", 4, None)
    act(ivo, "task.advance", task=stuck, phase="test")
    assert act(ivo, "task.advance", task=stuck, phase="fix")["stopped_at"] is not None
    assert Decision.objects.open().count() == 1


def test_the_people_drop_it(ada, stuck):
    act(ada, "decision.answer", decision=1, answer="2")

    assert Task.objects.get().state == "dropped"


def test_a_person_looks_and_says_so_and_it_stays_stopped(ada, stuck):
    act(ada, "decision.answer", decision=1, answer="3")

    said = Message.objects.filter(channel__kind="standup").latest("seq")
    assert (said.author_id, "@ivo I look at #1" in said.text) == (ada.member_id, True)
    assert Task.objects.get().stopped_at is not None


# -- task.allow_round -----------------------------------------------------------------------------
def test_allow_round_takes_the_question_back_and_wakes_the_holder(ada, ivo, stuck):
    before = log_end(ada)

    act(ada, "task.allow_round", task=stuck)

    names = logged(ada, before)
    assert [name for name in names if name != "message.posted"] == [
        *("decision.canceled", "task.round_allowed")
    ]
    assert last_event(ada).facts["mentions"] == [ivo.member_id]


def test_a_stopped_task_is_not_simply_finished(ivo, stuck):
    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.finish", task=stuck)

    assert refusal.value.code == "task.stopped"


def test_one_more_round_is_there_for_the_next_holder_too(ada, ivo, grace, stuck):
    act(ivo, "task.release", task=stuck)

    act(ada, "decision.answer", decision=1, answer="1")
    act(grace, "task.claim", task=stuck)

    assert (Task.objects.get().phase, Task.objects.get().stopped_at) == ("fix", None)


def test_a_task_that_is_not_stopped_needs_no_more_rounds(ada, planned):
    with pytest.raises(Conflict) as refusal:
        act(ada, "task.allow_round", task=planned)

    assert refusal.value.code == "task.not_stopped"


@pytest.mark.parametrize(
    ("action", "payload"), [("task.allow_round", {}), ("task.skip_phase", {"to": "document"})]
)
def test_parley_itself_opens_no_gate(hub, stuck, action, payload):
    with pytest.raises(Forbidden) as refusal:
        act(hub, action, task=stuck, **payload)

    assert refusal.value.code == "phase.people_only"


@pytest.mark.parametrize(
    ("action", "payload"), [("task.allow_round", {}), ("task.skip_phase", {"to": "document"})]
)
def test_eve_opens_no_gate_here(eve, stuck, action, payload):
    with pytest.raises(NotFound):
        act(eve, action, task=stuck, **payload)


# -- task.skip_phase ------------------------------------------------------------------------------
def test_a_skipped_gate_keeps_the_name_of_the_person_who_opened_it(ada, ivo, task):
    before = log_end(ada)

    answer = act(ada, "task.skip_phase", task=task, to="implement", reason="It is one line")

    assert answer["phase"] == "implement"
    assert logged(ada, before) == ["task.phase_skipped"]
    facts = last_event(ada).facts
    assert (facts["by"], facts["phase_before"], facts["reason"]) == (
        "ada",
        "plan",
        "It is one line",
    )
    assert facts["mentions"] == [ivo.member_id]


def test_skipping_lets_a_stopped_task_go_on(ada, ivo, stuck):
    act(ada, "task.skip_phase", task=stuck, to="review")

    assert act(ivo, "task.advance", task=stuck, phase="document")["phase"] == "document"
    assert Decision.objects.get().state == "canceled"  # its answers no longer fit


@pytest.mark.parametrize(("to", "code"), [("celebrate", "phase.unknown"), ("plan", "phase.same")])
def test_skipping_leads_to_another_phase(ada, task, to, code):
    with pytest.raises(Invalid) as refusal:
        act(ada, "task.skip_phase", task=task, to=to)

    assert refusal.value.code == code


def test_an_unclaimed_task_has_no_phase_to_skip(ada):
    act(ada, "task.open", title="Fly home")

    with pytest.raises(Conflict) as refusal:
        act(ada, "task.skip_phase", task=1, to="document")

    assert refusal.value.code == "task.not_claimed"
