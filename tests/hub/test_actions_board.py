"""Looking at tasks, why they wait, and what waits for what."""

import pytest

from hub.errors import Conflict, NotFound
from hub.models import TaskDependency
from tests.cast import act, last_event, log_end, logged


@pytest.fixture
def tasks(ada):
    """Numbers 1 to 3: fuel, land, walk."""
    return [act(ada, "task.open", title=title)["number"] for title in ("Fuel", "Land", "Walk")]


# -- task.block -----------------------------------------------------------------------------------
def test_block_lets_a_task_wait_and_logs_one_event_an_edge(ada, tasks):
    before = log_end(ada)

    act(ada, "task.block", task="walk", by=["land", 1])

    assert logged(ada, before) == ["task.blocked", "task.blocked"]
    assert last_event(ada).facts == {"by": 1}
    assert act(ada, "task.show", task=3)["waits_for"] == [1, 2]


def test_block_takes_names_with_commas(ada, tasks):
    act(ada, "task.block", task="walk", by="land, #1")

    assert act(ada, "task.show", task=3)["waits_for"] == [1, 2]


@pytest.mark.parametrize("task", [1, 2])
def test_block_refuses_a_circle(ada, tasks, task):
    act(ada, "task.block", task=2, by=[1])
    act(ada, "task.block", task=3, by=[2])

    with pytest.raises(Conflict) as refusal:
        act(ada, "task.block", task=task, by=[3])

    assert refusal.value.code == "dependency.cycle"
    assert TaskDependency.objects.count() == 2


def test_a_task_cannot_wait_for_itself(ada, tasks):
    with pytest.raises(Conflict) as refusal:
        act(ada, "task.block", task=1, by=[1])

    assert refusal.value.code == "dependency.cycle"


def test_block_refuses_a_finished_task(ada, tasks):
    act(ada, "task.drop", task=1)

    with pytest.raises(Conflict) as refusal:
        act(ada, "task.block", task=1, by=[2])

    assert refusal.value.code == "task.finished"


def test_a_finished_blocker_blocks_nothing(ada, tasks):
    act(ada, "task.drop", task=1)
    before = log_end(ada)

    act(ada, "task.block", task=2, by=[1])

    assert logged(ada, before) == []
    assert act(ada, "task.claim", task=2)["state"] == "claimed"


def test_one_refused_edge_of_several_leaves_none(ada, tasks):
    with pytest.raises(NotFound):
        act(ada, "task.block", task=3, by=[1, "the-weather"])

    assert not TaskDependency.objects.exists()


# -- Reading --------------------------------------------------------------------------------------
def test_list_shows_the_most_urgent_first_and_leaves_out_what_is_over(ada, tasks):
    act(ada, "task.open", title="Breathe", priority="critical")
    act(ada, "task.drop", task=2)
    before = log_end(ada)

    answer = act(ada, "task.list")

    assert [row["title"] for row in answer] == ["Breathe", "Fuel", "Walk"]
    assert len(act(ada, "task.list", finished=True)) == 4
    assert logged(ada, before) == []


def test_list_gives_at_most_what_was_asked_for(ada, tasks):
    assert [row["number"] for row in act(ada, "task.list", limit=2)] == [1, 2]


def test_show_finds_a_task_by_number_by_name_and_by_its_sign(ada, tasks):
    numbers = [act(ada, "task.show", task=task)["number"] for task in (2, "2", "#2", "land")]

    assert numbers == [2, 2, 2, 2]


@pytest.mark.parametrize("task", [4, "nothing", "#4", "²", "", 10**30])
def test_show_refuses_what_is_not_there(ada, tasks, task):
    with pytest.raises(NotFound) as refusal:
        act(ada, "task.show", task=task)

    assert refusal.value.code == "task.unknown"


def test_preview_says_what_a_task_line_would_do_and_does_nothing(ada, ivo):
    before = log_end(ada)

    answer = act(ada, "task.preview", title="Land", to="ivo")

    assert answer["text"].startswith("This would open the task “Land” for ivo")
    assert logged(ada, before) == []


def test_why_says_that_anybody_may_take_an_open_task(ada, tasks):
    text = act(ada, "task.why", task=1)["text"]

    assert text == "#1 fuel: Nobody has taken it; anybody with the right to work may."


def test_why_names_whom_a_task_waits_for(ada, ivo, tasks):
    act(ada, "task.assign", task=1, to="ivo")

    assert "It waits for ivo to take it." in act(ada, "task.why", task=1)["text"]


def test_why_names_the_tasks_a_task_waits_for(ada, tasks):
    act(ada, "task.block", task=3, by=[1, 2])

    assert "It waits for #1 fuel, #2 land." in act(ada, "task.why", task=3)["text"]


def test_why_names_the_holder_and_how_long_the_claim_lasts(ada, ivo, tasks, stopped):
    act(ivo, "task.claim", task=1, lease_s=60)
    stopped.pass_s(20)

    text = act(ada, "task.why", task=1)["text"]

    assert "ivo works on it; the claim lapses in 40 s unless renewed." in text


def test_why_names_the_question_and_the_pause(ada, tasks):
    act(ada, "decision.ask", text="Which crater?", task=1)
    act(ada, "project.pause")

    text = act(ada, "task.why", task=1)["text"]

    assert "The project is paused." in text
    assert "It waits for a person to answer question 1." in text


def test_why_says_how_a_task_ended(ada, tasks):
    act(ada, "task.drop", task=1, outcome="No fuel on the moon.")

    assert act(ada, "task.why", task=1)["text"].endswith("It is dropped. No fuel on the moon.")
