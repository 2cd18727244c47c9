"""State machines: declared edges, moved by a guarded UPDATE."""

from datetime import timedelta

import pytest
from django.db import models

from agents.models import PULL_STATES, SESSION_STATES, WORKSPACE_STATES
from hub.errors import Conflict
from hub.models import DECISION_STATES, OBJECTIVE_STATES, TASK_STATES, Task, TaskState
from hub.states import Machine
from tests.cast import act

MACHINES = [
    DECISION_STATES,
    OBJECTIVE_STATES,
    PULL_STATES,
    SESSION_STATES,
    TASK_STATES,
    WORKSPACE_STATES,
]


class Light(models.TextChoices):
    RED = "red"
    GREEN = "green"


def test_a_state_without_declared_moves_is_a_mistake_found_at_import():
    with pytest.raises(ValueError, match="Light has no edges for"):
        Machine(Light, {Light.RED: {Light.GREEN}})


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.states.__name__)
def test_every_state_can_be_reached_and_every_life_can_end(machine):
    _, *others = machine.states

    assert machine.final
    for state in others:
        assert machine.sources(state), state
    for state in machine.live:
        reached, waiting = set(), [state]
        while waiting:
            at = waiting.pop()
            if at not in reached:
                reached.add(at)
                waiting.extend(machine.edges[at])
        assert reached & machine.final, state


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.states.__name__)
def test_terminal_states_have_no_way_out(machine):
    for state in machine.final:
        assert machine.edges[state] == set()
        assert all(state not in machine.sources(other) for other in machine.states)


def test_a_move_writes_the_state_and_its_changes(ada, stopped):
    act(ada, "task.open", title="Land")
    row = Task.objects.get()
    until = stopped.at + timedelta(seconds=60)

    TASK_STATES.move(row, TaskState.CLAIMED, holder_id=ada.member_id, lease_until=until)

    stored = Task.objects.get()
    assert (row.state, row.lease_until) == (stored.state, stored.lease_until) == ("claimed", until)


def test_a_move_against_the_edges_names_the_state_found(ada):
    act(ada, "task.open", title="Land")
    row = Task.objects.get()

    with pytest.raises(Conflict) as refusal:
        TASK_STATES.move(row, TaskState.DONE)

    assert refusal.value.code == "task.open"
    assert refusal.value.detail == {"state": "open", "wanted": "done"}
    assert refusal.value.message == "This task is open; it cannot become done."


def test_a_row_that_somebody_else_moved_is_left_alone_and_read_again(ada):
    act(ada, "task.open", title="Land")
    stale = Task.objects.get()
    act(ada, "task.drop", task=1)

    with pytest.raises(Conflict) as refusal:
        TASK_STATES.move(stale, TaskState.DROPPED, outcome="Mine")

    assert refusal.value.code == "task.dropped"
    assert stale.state == "dropped"
    assert Task.objects.get().outcome == ""
