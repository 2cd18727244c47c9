"""Timed possession of a task: claimed, renewed, given back, finished, lapsed; and its fence."""

from datetime import datetime, timedelta

import pytest

from hub import jobs
from hub.errors import Conflict
from hub.models import Channel, Task
from tests.cast import act, last_event, log_end, logged


@pytest.fixture
def task(ada):
    return act(ada, "task.open", title="Land")["number"]


# -- task.claim -----------------------------------------------------------------------------------
def test_claim_takes_the_task_and_opens_its_channel(ivo, task, stopped):
    before = log_end(ivo)

    answer = act(ivo, "task.claim", task=task, lease_s=60)

    assert (answer["state"], answer["holder"], answer["fence"]) == ("claimed", "ivo", 1)
    assert datetime.fromisoformat(answer["lease_until"]) == stopped.at + timedelta(seconds=60)
    assert answer["phase"] == "plan"
    assert Channel.objects.get(number=answer["channel"]).name == "work-1-land"
    assert logged(ivo, before) == ["channel.created", "task.claimed"]
    assert last_event(ivo).facts == {"fence": 1}


def test_a_held_task_cannot_be_claimed(ivo, mina, task):
    act(ivo, "task.claim", task=task)

    with pytest.raises(Conflict) as refusal:
        act(mina, "task.claim", task=task)

    assert refusal.value.code == "task.claimed"
    assert Channel.objects.filter(kind="work").count() == 1


def test_not_even_its_holder_claims_a_task_twice(ivo, task):
    act(ivo, "task.claim", task=task)

    with pytest.raises(Conflict):
        act(ivo, "task.claim", task=task)

    assert Task.objects.get().fence == 1


def test_a_blocked_task_cannot_be_claimed(ada, ivo, task):
    act(ada, "task.open", title="Fuel")
    act(ada, "task.block", task=task, by=[2])

    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.claim", task=task)

    assert refusal.value.code == "task.blocked"
    assert "#2" in refusal.value.message


def test_what_is_meant_for_another_cannot_be_claimed(ada, ivo, mina, task):
    act(ada, "task.assign", task=task, to="mina")

    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.claim", task=task)

    assert refusal.value.code == "task.assigned"
    assert act(mina, "task.claim", task=task)["holder"] == "mina"


@pytest.mark.parametrize("end", ["task.finish", "task.drop"])
def test_a_finished_task_cannot_be_claimed(ada, ivo, task, end):
    act(ada, "task.claim", task=task)
    act(ada, end, task=task)

    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.claim", task=task)

    assert refusal.value.detail["wanted"] == "claimed"


# -- task.renew -----------------------------------------------------------------------------------
def test_renew_holds_longer_and_writes_no_event(ivo, task, stopped):
    act(ivo, "task.claim", task=task, lease_s=60)
    before = log_end(ivo)
    stopped.pass_s(50)

    answer = act(ivo, "task.renew", task=task, fence=1, lease_s=60)

    assert datetime.fromisoformat(answer["lease_until"]) == stopped.at + timedelta(seconds=60)
    assert logged(ivo, before) == []


def test_renew_refuses_who_does_not_hold_it(ada, ivo, task):
    act(ivo, "task.claim", task=task)

    with pytest.raises(Conflict) as refusal:
        act(ada, "task.renew", task=task)

    assert refusal.value.code == "task.not_held"
    assert "ivo" in refusal.value.message


# -- task.release ---------------------------------------------------------------------------------
def test_release_gives_it_back_for_anybody(ada, ivo, mina, task):
    act(ada, "task.assign", task=task, to="ivo")
    act(ivo, "task.claim", task=task)
    before = log_end(ivo)

    answer = act(ivo, "task.release", task=task, reason="Lunch")

    assert (answer["state"], answer["holder"], answer["assignee"]) == ("open", "", "")
    assert logged(ivo, before) == ["task.released"]
    assert last_event(ivo).facts == {"reason": "Lunch"}
    assert act(mina, "task.claim", task=task)["fence"] == 2


def test_release_refuses_an_open_task(ivo, task):
    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.release", task=task)

    assert refusal.value.code == "task.not_held"


def test_the_work_channel_outlives_a_release(ivo, mina, task):
    first = act(ivo, "task.claim", task=task)
    act(ivo, "task.release", task=task)

    assert act(mina, "task.claim", task=task)["channel"] == first["channel"]


# -- task.finish ----------------------------------------------------------------------------------
def test_finish_ends_it_with_its_outcome_and_tells_who_opened_it(ada, ivo, task):
    act(ivo, "task.claim", task=task)
    before = log_end(ivo)

    answer = act(ivo, "task.finish", task=task, outcome="One small step", fence=1)

    assert (answer["state"], answer["holder"]) == ("done", "")
    assert logged(ivo, before) == ["channel.archived", "task.done"]
    assert last_event(ivo).facts == {"mentions": [ada.member_id]}
    assert Task.objects.get().outcome == "One small step"
    assert Channel.objects.get(kind="work").archived_at is not None


def test_finish_sets_free_what_waited_and_says_so_once(ada, ivo, mina, task):
    act(ada, "task.open", title="Walk", to="mina", waits_for=[task])
    act(ivo, "task.claim", task=task)
    before = log_end(ivo)

    act(ivo, "task.finish", task=task)

    assert logged(ivo, before) == ["task.unblocked", "channel.archived", "task.done"]
    assert act(mina, "task.claim", task=2)["holder"] == "mina"


def test_finish_frees_nothing_that_still_waits_for_another(ada, ivo, task):
    act(ada, "task.open", title="Fuel")
    act(ada, "task.open", title="Walk", waits_for=[task, 2])
    act(ivo, "task.claim", task=task)
    before = log_end(ivo)

    act(ivo, "task.finish", task=task)

    assert "task.unblocked" not in logged(ivo, before)
    assert act(ada, "task.show", task=3)["waits_for"] == [2]


def test_finish_refuses_who_does_not_hold_it(ada, ivo, task):
    act(ivo, "task.claim", task=task)

    with pytest.raises(Conflict) as refusal:
        act(ada, "task.finish", task=task)

    assert refusal.value.code == "task.not_held"


# -- The fence ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("task.renew", {}),
        ("task.release", {}),
        ("task.finish", {}),
        ("task.advance", {"phase": "implement"}),
    ],
)
def test_a_write_with_an_old_fence_is_refused(ivo, task, action, payload):
    act(ivo, "task.claim", task=task)
    act(ivo, "task.release", task=task)
    act(ivo, "task.claim", task=task)

    with pytest.raises(Conflict) as refusal:
        act(ivo, action, task=task, fence=1, **payload)

    assert refusal.value.code == "task.stale_fence"
    assert refusal.value.detail == {"fence": 2}
    assert Task.objects.get().state == "claimed"


# -- Lapsing --------------------------------------------------------------------------------------
def test_a_claim_whose_lease_is_over_is_opened_by_the_sweep_and_its_holder_told(ivo, task, stopped):
    act(ivo, "task.claim", task=task, lease_s=60)
    before = log_end(ivo)
    stopped.pass_s(60)

    jobs.sweep()

    assert logged(ivo, before) == ["task.lapsed"]
    assert last_event(ivo).facts == {"mentions": [ivo.member_id]}
    row = Task.objects.get()
    assert (row.state, row.holder, row.lease_until, row.fence) == ("open", None, None, 1)


def test_a_claim_that_is_not_over_stays(ivo, task, stopped):
    act(ivo, "task.claim", task=task, lease_s=60)
    stopped.pass_s(59)

    jobs.sweep()

    assert Task.objects.get().state == "claimed"


def test_who_lost_a_task_by_time_cannot_finish_it(ivo, task, stopped):
    act(ivo, "task.claim", task=task, lease_s=60)
    stopped.pass_s(61)
    jobs.sweep()

    with pytest.raises(Conflict) as refusal:
        act(ivo, "task.finish", task=task, fence=1)

    assert refusal.value.code == "task.not_held"
