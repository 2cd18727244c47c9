"""Opening, giving and dropping tasks, and the order of their phases."""

import pytest

from hub.errors import Conflict, Invalid, NotFound
from hub.models import Channel, Task
from tests.cast import act, last_event, log_end, logged


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


# -- Dependencies ---------------------------------------------------------------------------------
def test_b_begins_after_a_and_c_after_b(ada, ivo, task):
    act(ada, "task.open", title="Walk", waits_for=[task])
    act(ada, "task.open", title="Fly home", waits_for=[2])
    taken = []

    for number in (1, 2, 3):
        for other in range(number + 1, 4):
            with pytest.raises(Conflict, match="waits for"):
                act(ivo, "task.claim", task=other)
        taken.append(act(ivo, "task.claim", task=number)["holder"])
        act(ivo, "task.finish", task=number)

    assert taken == ["ivo"] * 3


def test_what_waits_for_a_dropped_task_is_dropped_with_a_note(ada, task):
    act(ada, "task.open", title="Walk", waits_for=[task])
    act(ada, "task.open", title="Fly home", waits_for=[2])
    before = log_end(ada)

    act(ada, "task.drop", task=task, outcome="Too far.")

    rows = list(Task.objects.order_by("number").values_list("state", "outcome"))
    assert rows[1:] == [
        ("dropped", "Dropped with #1, for which it waited. Too far."),
        (
            "dropped",
            "Dropped with #2, for which it waited. Dropped with #1, for which it waited. Too far.",
        ),
    ]
    assert logged(ada, before).count("task.dropped") == 3
    assert "task.unblocked" not in logged(ada, before)


def test_a_drop_can_set_free_what_waited(ada, ivo, task):
    act(ada, "task.open", title="Walk", waits_for=[task])

    act(ada, "task.drop", task=task, keep_dependents=True)

    assert act(ivo, "task.claim", task=2)["holder"] == "ivo"


def test_an_unknown_blocker_is_refused_when_a_task_is_opened(ada):
    with pytest.raises(NotFound):
        act(ada, "task.open", title="Walk", waits_for=[77])

    assert not Task.objects.exists()
