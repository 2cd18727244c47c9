"""Many at once: one winner, no double, no half."""

import pytest

from hub.actions import events
from hub.errors import Conflict, KeyReused, Unavailable
from hub.models import Channel, Event, Message, Reaction, Task
from hub.models.projects import project_lock
from tests.cast import act, log_end
from tests.threads import together

pytestmark = pytest.mark.services


def test_50_threads_claim_one_task_and_one_wins(ada, grace, em, mina, ivo):
    act(ada, "task.open", title="Land")
    everybody = [ada, grace, em, mina, ivo]

    answers = together(50, lambda index: act(everybody[index % 5], "task.claim", task=1))

    won = [answer for answer in answers if isinstance(answer, dict)]
    lost = [answer for answer in answers if isinstance(answer, Exception)]
    assert len(won) == 1
    assert all(isinstance(error, Conflict | Unavailable) for error in lost)
    row = Task.objects.get()
    assert (row.holder.name, row.fence) == (won[0]["holder"], 1)
    assert Event.objects.filter(name="task.claimed").count() == 1
    assert Channel.objects.filter(kind="work").count() == 1
    assert events.verify(ada.project_id) is None


def test_one_call_sent_20_times_with_its_key_is_done_once(ada):
    answers = together(20, lambda _: act(ada, "task.open", key="k1", title="Land"))

    assert answers == [answers[0]] * 20
    assert Task.objects.count() == 1


def test_one_key_with_20_bodies_is_done_once(ada):
    answers = together(20, lambda index: act(ada, "task.open", key="k1", title=f"Land {index}"))

    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert sum(isinstance(answer, KeyReused) for answer in answers) == 19


def test_tasks_opened_at_once_get_numbers_without_a_hole(ada):
    answers = together(20, lambda _: act(ada, "task.open", title="Land"))

    assert sorted(answer["number"] for answer in answers) == list(range(1, 21))
    assert len({answer["name"] for answer in answers}) == 20


def test_two_that_would_close_a_circle_leave_one_edge(ada):
    act(ada, "task.open", title="Fuel")
    act(ada, "task.open", title="Land")

    answers = together(2, lambda index: act(ada, "task.block", task=index + 1, by=[2 - index]))

    assert sum(isinstance(answer, Conflict) for answer in answers) == 1


def test_commands_of_messages_posted_at_once_are_each_carried_out_once(ada):
    together(
        10, lambda index: act(ada, "message.post", channel="lobby", text=f"TASK: Land {index}")
    )

    assert Task.objects.count() == 10
    assert not Message.objects.filter(handled_at=None).exists()


def test_reactions_of_the_same_member_never_double(ada):
    number = act(ada, "message.post", channel="lobby", text="One small step")["number"]

    together(9, lambda _: act(ada, "message.react", message=number, emoji="+"))

    assert Reaction.objects.count() == 1


def test_who_waits_over_two_seconds_for_the_lock_is_told_to_come_again(ada):
    before = log_end(ada)

    with project_lock(ada.project_id):
        (answer,) = together(1, lambda _: act(ada, "task.open", title="Land"))

    assert isinstance(answer, Unavailable)
    assert answer.code == "project.busy"
    assert log_end(ada) == before


def test_a_busy_project_does_not_hold_up_another(ada, eve):
    with project_lock(ada.project_id):
        (answer,) = together(1, lambda _: act(eve, "task.open", title="Dig"))

    assert answer["number"] == 1
