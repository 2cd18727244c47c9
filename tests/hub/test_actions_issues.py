"""Where a question goes: scope, what users see and architecture to the people, the rest to EM."""

import pytest

from hub.errors import Conflict, NotFound
from hub.models import Decision, Event, Message, Objective
from tests.cast import act, log_end, logged


@pytest.mark.parametrize(
    ("about", "text", "channel"),
    [
        ("scope", "Shall it also count pages?", "project"),
        ("user_visible", "Is the button red or green?", "project"),
        ("architecture", "One process or two?", "project"),
        ("implementation", "Shall I split this function?", "standup"),
    ],
)
def test_sample_issues_land_where_they_belong(em, mina, about, text, channel):
    answer = act(mina, "issue.escalate", about=about, text=text)

    said = Message.objects.get(seq=answer["message"], project_id=mina.project_id)
    assert (answer["channel"], said.channel.kind) == (channel, channel)
    assert text in said.text
    assert (answer["decision"] is not None) == (channel == "project")


def test_a_question_of_scope_holds_its_objective_and_waits_for_people(ada, mina):
    act(ada, "objective.open", text="Reach the moon")
    act(ada, "task.open", title="Land", objective=1)
    act(mina, "task.claim", task=1)
    before = log_end(mina)

    act(mina, "issue.escalate", about="scope", text="Both?", task=1, choices=["Yes", "No"])

    card = Decision.objects.get()
    assert (card.kind, card.choices, card.task.number) == ("question", ["Yes", "No"], 1)
    assert card.channel.kind == "project"
    assert Objective.objects.get().state == "waiting"
    assert logged(mina, before) == ["message.posted", "decision.asked"]


def test_implementation_wakes_the_engineering_manager_and_asks_no_person(ada, em, mina):
    act(ada, "task.open", title="Land")
    before = log_end(mina)

    answer = act(mina, "issue.escalate", about="implementation", text="Split it?", task=1)

    said = Message.objects.get()
    assert said.text == "@em about #1: Split it?"
    facts = Event.objects.get(seq=said.seq, project_id=mina.project_id).facts
    assert facts["mentions"] == [em.member_id]
    assert (answer["decision"], Decision.objects.count()) == (None, 0)
    assert logged(mina, before) == ["message.posted"]


def test_the_engineering_manager_decides_implementation(em):
    with pytest.raises(Conflict) as refusal:
        act(em, "issue.escalate", about="implementation", text="Split it?")

    assert refusal.value.code == "issue.decide"
    assert "decide" in refusal.value.message


def test_the_engineering_manager_asks_the_people_about_scope(em):
    assert act(em, "issue.escalate", about="scope", text="Both?")["channel"] == "project"


def test_without_an_engineering_manager_who_asks_decides(mina):
    with pytest.raises(Conflict) as refusal:
        act(mina, "issue.escalate", about="implementation", text="Split it?")

    assert refusal.value.code == "issue.no_manager"


def test_an_issue_about_an_unknown_task_is_refused(em, mina):
    with pytest.raises(NotFound):
        act(mina, "issue.escalate", about="implementation", text="Split it?", task=9)


def test_the_words_of_an_issue_are_no_commands(em, mina):
    act(mina, "issue.escalate", about="implementation", text="!pause\nTASK: more")

    assert Message.objects.get().refusal == ""
    assert Message.objects.count() == 1
