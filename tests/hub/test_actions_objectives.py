"""What people want, from the sentence to the summary."""

import pytest

from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Decision, Message, Objective, Task
from tests.cast import act, last_event, log_end, logged

WISH = "Reach the moon\n\nbefore the decade is out"


# -- objective.open -------------------------------------------------------------------------------
def test_open_says_the_wish_in_the_project_channel(ada):
    before = log_end(ada)

    answer = act(ada, "objective.open", text=WISH)

    said = Message.objects.get()
    assert (answer["number"], answer["title"], answer["state"]) == (1, "Reach the moon", "active")
    assert (said.text, said.channel.name) == (WISH, "project")
    assert logged(ada, before) == ["message.posted", "objective.opened"]
    assert last_event(ada).facts == {"message": said.seq}


def test_open_takes_up_what_somebody_said_and_it_stays_theirs(ada, joan):
    said = act(joan, "message.post", channel="lobby", text="I want to see Tycho")

    answer = act(ada, "objective.open", message=said["number"], title="Tycho")

    assert (answer["title"], answer["prompt"]) == ("Tycho", "I want to see Tycho")
    assert Objective.objects.get().opened_by_id == joan.member_id
    assert Message.objects.count() == 1


def test_a_message_becomes_one_objective(ada):
    said = act(ada, "message.post", channel="lobby", text="I want to see Tycho")
    first = act(ada, "objective.open", message=said["number"])
    before = log_end(ada)

    assert act(ada, "objective.open", message=said["number"]) == first
    assert logged(ada, before) == []


def test_open_refuses_a_wish_without_words(ada):
    with pytest.raises(Invalid) as refusal:
        act(ada, "objective.open", text=" ")

    assert refusal.value.code == "message.empty"


def test_a_long_first_line_is_clipped_to_the_title(ada):
    title = act(ada, "objective.open", text="moon " * 40)["title"]

    assert len(title) <= 80
    assert title.endswith("…")


def test_open_refuses_a_message_in_a_private_channel_of_others(ada, grace, joan):
    channel = act(grace, "channel.direct", member="joan")["number"]
    said = act(joan, "message.post", channel=channel, text="Between us")

    with pytest.raises(NotFound):
        act(ada, "objective.open", message=said["number"])


# -- objective.finish -----------------------------------------------------------------------------
def test_finish_closes_it_with_a_summary_and_tells_who_wanted_it(ada, em):
    act(ada, "objective.open", text=WISH)
    before = log_end(em)

    answer = act(em, "objective.finish", objective=1, summary="We came in peace")

    assert (answer["state"], answer["summary"]) == ("succeeded", "We came in peace")
    assert logged(em, before) == ["objective.succeeded"]
    assert last_event(em).facts == {"mentions": [ada.member_id]}


def test_finish_refuses_success_while_a_task_is_unfinished(ada):
    act(ada, "objective.open", text=WISH)
    act(ada, "task.open", title="Land", objective=1)

    with pytest.raises(Conflict) as refusal:
        act(ada, "objective.finish", objective=1, summary="Nearly")

    assert refusal.value.code == "objective.unfinished"
    assert "#1" in refusal.value.message


def test_finish_gives_up_with_tasks_unfinished(ada):
    act(ada, "objective.open", text=WISH)
    act(ada, "task.open", title="Land", objective=1)

    answer = act(ada, "objective.finish", objective=1, summary="No", state="failed")

    assert answer["state"] == "failed"


def test_finish_calls_nothing_off(ada):
    act(ada, "objective.open", text=WISH)

    with pytest.raises(Invalid):
        act(ada, "objective.finish", objective=1, summary="No", state="canceled")


def test_finish_refuses_what_is_over(ada):
    act(ada, "objective.open", text=WISH)
    act(ada, "objective.finish", objective=1, summary="Done")

    with pytest.raises(Conflict) as refusal:
        act(ada, "objective.finish", objective=1, summary="Again")

    assert refusal.value.code == "objective.succeeded"


def test_giving_up_drops_what_is_unfinished_and_asks_nobody_any_more(ada, mina):
    act(ada, "objective.open", text=WISH)
    act(ada, "task.open", title="Land", objective=1)
    act(mina, "decision.ask", text="Where?", task=1)

    act(ada, "objective.finish", objective=1, summary="No", state="failed")

    assert Task.objects.get().state == "dropped"
    assert Decision.objects.get().state == "canceled"


# -- objective.cancel -----------------------------------------------------------------------------
def test_cancel_calls_it_off_with_its_tasks(ada, em):
    act(ada, "objective.open", text=WISH)
    act(ada, "task.open", title="Land", objective=1)
    before = log_end(ada)

    answer = act(ada, "objective.cancel", objective=1, reason="No money")

    assert (answer["state"], answer["summary"]) == ("canceled", "No money")
    assert logged(ada, before) == ["task.dropped", "objective.canceled"]


def test_cancel_is_for_people(ada, em):
    act(ada, "objective.open", text=WISH)

    with pytest.raises(Forbidden) as refusal:
        act(em, "objective.cancel", objective=1)

    assert refusal.value.code == "objective.people_only"


def test_what_is_done_cannot_be_canceled(ada):
    act(ada, "objective.open", text=WISH)
    act(ada, "objective.finish", objective=1, summary="Done")

    with pytest.raises(Conflict) as refusal:
        act(ada, "objective.cancel", objective=1)

    assert refusal.value.code == "objective.succeeded"


def test_an_objective_waits_until_its_last_question_is_answered_and_ends_for_good(ada, mina):
    act(ada, "objective.open", text=WISH)
    act(ada, "task.open", title="Land", objective=1)
    states = []

    def see(action, actor=ada, **payload):
        act(actor, action, **payload)
        states.append(Objective.objects.get().state)

    see("decision.ask", mina, text="Where?", task=1)
    see("decision.ask", mina, text="When?", task=1)
    see("decision.answer", decision=1, answer="Tycho")
    see("decision.answer", decision=2, answer="Soon")
    act(ada, "task.claim", task=1)
    act(ada, "task.finish", task=1)
    see("objective.finish", objective=1, summary="Done")

    assert states == ["waiting", "waiting", "waiting", "active", "succeeded"]
    with pytest.raises(Conflict):
        act(ada, "objective.cancel", objective=1)


# -- objective.list -------------------------------------------------------------------------------
def test_list_shows_the_newest_first_and_leaves_out_what_is_over(ada):
    for text in ("One", "Two", "Three"):
        act(ada, "objective.open", text=text)
    act(ada, "objective.finish", objective=2, summary="Done")
    before = log_end(ada)

    assert [row["title"] for row in act(ada, "objective.list")] == ["Three", "One"]
    assert len(act(ada, "objective.list", finished=True)) == 3
    assert logged(ada, before) == []
