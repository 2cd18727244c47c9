"""Opening, giving and dropping tasks, and the order of their phases."""

import pytest

from hub.errors import Conflict, Invalid, NotFound
from hub.models import Channel, Task
from tests.cast import act, last_event, log_end, logged, member_of


@pytest.fixture
def task(ada):
    """Number 1, open, nobody's."""
    return act(ada, "task.open", title="Land on the moon")["number"]


# -- task.open ------------------------------------------------------------------------------------
def test_open_writes_a_numbered_named_task_and_one_event(ada):
    before = log_end(ada)

    answer = act(ada, "task.open", title="Land on the moon", brief="Softly.", priority="high")

    assert (answer["number"], answer["name"]) == (1, "land-on-the-moon")
    assert (answer["state"], answer["priority"], answer["holder"]) == ("open", 3, "")
    assert logged(ada, before) == ["task.opened"]
    assert last_event(ada).subject == "task:1"


def test_open_with_an_assignee_addresses_them(ada, grace):
    act(ada, "task.open", title="Land", to="@Grace")

    assert last_event(ada).facts == {"mentions": [grace.member_id]}


def test_open_belongs_to_its_objective(ada):
    act(ada, "objective.open", text="Reach the moon")

    answer = act(ada, "task.open", title="Land", objective=1)

    assert answer["objective"] == 1
    assert last_event(ada).facts == {"objective": 1}


def test_open_with_blockers_logs_what_it_waits_for(ada, task):
    before = log_end(ada)

    act(ada, "task.open", title="Plant the flag", waits_for=[task])

    assert logged(ada, before) == ["task.opened", "task.blocked"]
    assert act(ada, "task.show", task=2)["waits_for"] == [1]


def test_open_takes_the_title_from_the_name(ada):
    assert act(ada, "task.open", name="plant-flag")["title"] == "plant flag"


def test_a_second_task_of_the_same_title_gets_another_name(ada, task):
    assert act(ada, "task.open", title="Land on the moon")["name"] == "land-on-the-moon-2"


def test_a_made_name_steps_aside_for_names_that_people_chose(ada):
    act(ada, "task.open", title="Land")
    act(ada, "task.open", name="land-3")

    assert act(ada, "task.open", title="Land")["name"] == "land-task-3"


def test_a_title_of_digits_does_not_become_a_number(ada):
    assert act(ada, "task.open", title="1969")["name"] == "1969-1"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, "task.no_title"),
        ({"title": " \n "}, "task.no_title"),
        ({"title": "Land", "name": "1969"}, "task.name"),
    ],
)
def test_open_refuses_a_task_that_cannot_be_named(ada, payload, code):
    with pytest.raises(Invalid) as refusal:
        act(ada, "task.open", **payload)

    assert refusal.value.code == code


def test_open_refuses_a_taken_name(ada, task):
    with pytest.raises(Conflict) as refusal:
        act(ada, "task.open", name="land-on-the-moon")

    assert refusal.value.code == "task.name_taken"


def test_open_with_an_unknown_blocker_opens_nothing(ada):
    with pytest.raises(NotFound):
        act(ada, "task.open", title="Land", waits_for=["the-weather"])

    assert not Task.objects.exists()


def test_open_refuses_an_assignee_who_has_left(ada, grace):
    act(ada, "member.retire", name="grace")

    with pytest.raises(Conflict) as refusal:
        act(ada, "task.open", title="Land", to="grace")

    assert refusal.value.code == "member.retired"


def test_a_title_is_one_line(ada):
    assert act(ada, "task.open", title=" Land\n\non   the moon ")["title"] == "Land on the moon"


# -- task.assign and task.decline -----------------------------------------------------------------
def test_assign_says_who_and_logs_one_event(ada, ivo, task):
    before = log_end(ada)

    answer = act(ada, "task.assign", task="land-on-the-moon", to="ivo")

    assert answer["assignee"] == "ivo"
    assert logged(ada, before) == ["task.assigned"]
    assert last_event(ada).facts == {"to": "ivo", "mentions": [ivo.member_id]}


def test_assign_refuses_a_task_that_is_claimed(ada, ivo, grace, task):
    act(ivo, "task.claim", task=task)

    with pytest.raises(Conflict) as refusal:
        act(ada, "task.assign", task=task, to="grace")

    assert refusal.value.code == "task.not_open"


def test_decline_gives_an_assignment_back_and_tells_who_opened_it(ada, ivo, task):
    act(ada, "task.assign", task=task, to="ivo")
    before = log_end(ada)

    answer = act(ivo, "task.decline", task=task, reason="No boots")

    assert answer["assignee"] == ""
    assert logged(ada, before) == ["task.declined"]
    assert last_event(ada).facts == {"reason": "No boots", "mentions": [ada.member_id]}


def test_decline_refuses_what_is_not_assigned_to_you(ada, ivo, grace, task):
    act(ada, "task.assign", task=task, to="grace")

    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.decline", task=task)

    assert refusal.value.code == "task.not_assigned"


# -- task.drop ------------------------------------------------------------------------------------
def test_drop_ends_an_open_task_and_logs_one_event(ada, task):
    before = log_end(ada)

    answer = act(ada, "task.drop", task=task, outcome="Too far")

    assert answer["state"] == "dropped"
    assert logged(ada, before) == ["task.dropped"]
    assert Task.objects.get().outcome == "Too far"


def test_drop_takes_a_claimed_task_from_its_holder_and_tells_them(ada, grace, ivo, task):
    act(ivo, "task.claim", task=task)

    answer = act(grace, "task.drop", task=task)

    assert (answer["holder"], answer["lease_until"]) == ("", None)
    assert last_event(ada).name == "task.dropped"
    assert last_event(ada).facts["mentions"] == sorted([ada.member_id, ivo.member_id])


@pytest.mark.parametrize("end", ["task.drop", "task.finish"])
def test_a_finished_task_cannot_be_dropped(ada, task, end):
    act(ada, "task.claim", task=task)
    act(ada, end, task=task)

    with pytest.raises(Conflict) as refusal:
        act(ada, "task.drop", task=task)

    assert refusal.value.code in {"task.done", "task.dropped"}


def test_the_work_channel_of_a_dropped_task_is_archived(ada, ivo, task):
    act(ivo, "task.claim", task=task)
    before = log_end(ada)

    act(ada, "task.drop", task=task)

    assert Channel.objects.get(kind="work").archived_at is not None
    assert logged(ada, before) == ["channel.archived", "task.dropped"]


# -- task.advance ---------------------------------------------------------------------------------
def test_advance_moves_a_held_task_to_its_next_phase_and_logs_one_event(ivo, task):
    act(ivo, "task.claim", task=task)
    before = log_end(ivo)

    answer = act(ivo, "task.advance", task=task, phase="implement", fence=1)

    assert (answer["phase"], answer["rounds"]) == ("implement", 0)
    assert logged(ivo, before) == ["task.advanced"]
    assert last_event(ivo).facts == {"phase": "implement", "rounds": 0}


def test_advance_refuses_a_phase_out_of_order(ivo, task):
    act(ivo, "task.claim", task=task)

    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.advance", task=task, phase="review")

    assert refusal.value.code == "phase.order"


def test_advance_refuses_a_fourth_round_of_fixing(ivo, task):
    act(ivo, "task.claim", task=task)
    for phase in ["implement", *["test", "fix"] * 3, "test"]:
        act(ivo, "task.advance", task=task, phase=phase)

    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.advance", task=task, phase="fix")

    assert refusal.value.code == "phase.rounds"


def test_advance_is_the_holders(ada, ivo, task):
    act(ivo, "task.claim", task=task)

    with pytest.raises(Conflict) as refusal:
        act(ada, "task.advance", task=task, phase="implement")

    assert refusal.value.code == "task.not_held"
    assert member_of(ivo).held_tasks.get().phase == "plan"
