"""What a person decides: asked, answered, withdrawn, decided by default."""

import pytest

from hub import jobs
from hub.actions import decisions
from hub.errors import Conflict, Forbidden, Invalid
from hub.markdown import RichText
from hub.models import Decision, Event, Message, Objective
from hub.models.projects import project_lock
from tests.cast import act, last_event, log_end, logged


@pytest.fixture
def question(mina):
    """Number 1, asked by mina, with two choices."""
    return act(mina, "decision.ask", text="Which crater?", choices=["Tycho", "Clavius"])["number"]


# -- decision.ask ---------------------------------------------------------------------------------
def test_ask_opens_a_question_and_says_it_in_the_project_channel(mina):
    before = log_end(mina)

    answer = act(
        mina, "decision.ask", text="Which crater?", choices=["Tycho", "Clavius"], recommended=2
    )

    assert (answer["number"], answer["state"], answer["asker"]) == (1, "open", "mina")
    assert logged(mina, before) == ["message.posted", "decision.asked"]
    said = Message.objects.get()
    assert said.channel.name == "project"
    assert "2. Clavius (recommended)" in said.text
    assert "`!ans 1 …`" in said.text
    assert last_event(mina).facts == {"kind": "question", "message": said.seq}


def test_a_question_about_a_claimed_task_is_asked_where_it_is_worked_on(ada, mina):
    act(ada, "task.open", title="Land")
    claimed = act(mina, "task.claim", task=1)

    act(mina, "decision.ask", text="Which crater?", task=1)

    asked, pointed = Message.objects.order_by("seq")
    assert asked.channel.number == claimed["channel"]
    assert Event.objects.get(name="decision.asked").facts["task"] == 1
    assert (pointed.channel.kind, pointed.author.kind) == ("project", "hub")
    assert pointed.text.startswith(f"mina in #{asked.channel.name}:")


def test_the_words_of_a_question_are_no_commands(mina):
    act(mina, "decision.ask", text="Which crater?")

    assert Message.objects.get().refusal == ""
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"choices": ["yes"], "recommended": 2}, "decision.choice"),
        ({"recommended": 1}, "decision.choice"),
        ({"default": "yes"}, "decision.default"),
        ({"default_in_s": 60}, "decision.default"),
        ({"choices": ["yes", "no"], "default": "3", "default_in_s": 60}, "decision.choice"),
    ],
)
def test_ask_refuses_what_could_not_be_answered(mina, payload, code):
    with pytest.raises(Invalid) as refusal:
        act(mina, "decision.ask", text="Well?", **payload)

    assert refusal.value.code == code
    assert not Message.objects.exists()


def test_a_question_is_not_asked_in_private(ada, mina):
    channel = act(mina, "channel.direct", member="ada")

    with pytest.raises(Invalid) as refusal:
        act(mina, "decision.ask", text="Between us?", channel=channel["number"])

    assert refusal.value.code == "decision.direct"


# -- decision.answer ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "kept"),
    [("2", "Clavius"), (" 1 ", "Tycho"), ("Neither, go home", "Neither, go home"), ("²", "²")],
)
def test_answer_closes_the_question_and_tells_the_asker(ada, mina, question, given, kept):
    before = log_end(ada)

    answer = act(ada, "decision.answer", decision=question, answer=given)

    assert (answer["state"], answer["answer"]) == ("answered", kept)
    assert logged(ada, before) == ["decision.answered", "message.posted"]
    told = Event.objects.get(name="decision.answered")
    assert told.facts["mentions"] == [mina.member_id]
    said = Message.objects.latest("seq")
    assert said.text == f"ada answers question {question}: {kept}"
    assert said.author.kind == "hub"
    row = Decision.objects.get()
    assert (row.answered_by_id, row.answered_via) == (ada.member_id, "test")


@pytest.mark.parametrize("given", ["0", "3", "99"])
def test_answer_refuses_a_choice_that_is_not_there(ada, question, given):
    with pytest.raises(Invalid) as refusal:
        act(ada, "decision.answer", decision=question, answer=given)

    assert refusal.value.code == "decision.choice"


def test_a_number_answers_a_question_without_choices_in_words(ada, mina):
    act(mina, "decision.ask", text="How many boots?")

    assert act(ada, "decision.answer", decision=1, answer="4")["answer"] == "4"


@pytest.mark.parametrize("end", ["answer", "withdraw"])
def test_answer_refuses_a_question_that_is_closed(ada, mina, question, end):
    if end == "answer":
        act(ada, "decision.answer", decision=question, answer="1")
    else:
        act(mina, "decision.withdraw", decision=question)

    with pytest.raises(Conflict) as refusal:
        act(ada, "decision.answer", decision=question, answer="2")

    assert refusal.value.code in {"decision.answered", "decision.canceled"}


def test_parley_itself_does_not_decide(hub, question):
    with pytest.raises(Forbidden) as refusal:
        act(hub, "decision.answer", decision=question, answer="1")

    assert refusal.value.code == "decision.people_only"


def test_a_review_is_not_answered_here(ada, mina):
    with project_lock(mina.project_id) as lock:
        card = decisions.open_review(
            mina.at(lock.now), RichText.of("Look"), None, "/p/moon/pull/1/"
        )

    with pytest.raises(Forbidden) as refusal:
        act(ada, "decision.answer", decision=card.number, answer="fine")

    assert refusal.value.code == "decision.elsewhere"
    assert refusal.value.detail == {"link": "/p/moon/pull/1/"}


# -- decision.withdraw ----------------------------------------------------------------------------
def test_withdraw_takes_a_question_back_and_says_so(mina, question):
    before = log_end(mina)

    assert act(mina, "decision.withdraw", decision=question)["state"] == "canceled"

    assert logged(mina, before) == ["decision.canceled", "message.posted"]


def test_withdraw_is_the_askers(ada, question):
    with pytest.raises(Forbidden) as refusal:
        act(ada, "decision.withdraw", decision=question)

    assert refusal.value.code == "decision.not_yours"


def test_withdraw_refuses_a_question_that_is_answered(ada, mina, question):
    act(ada, "decision.answer", decision=question, answer="1")

    with pytest.raises(Conflict) as refusal:
        act(mina, "decision.withdraw", decision=question)

    assert refusal.value.code == "decision.answered"


# -- Objectives wait ------------------------------------------------------------------------------
def test_an_objective_waits_while_a_question_of_it_is_open(ada, mina):
    act(ada, "objective.open", text="Reach the moon")
    act(ada, "task.open", title="Land", objective=1)
    states = []

    for _ in range(2):
        act(mina, "decision.ask", text="Which crater?", task=1)
        states.append(Objective.objects.get().state)
    for number in (1, 2):
        act(ada, "decision.answer", decision=number, answer="Tycho")
        states.append(Objective.objects.get().state)

    assert states == ["waiting", "waiting", "waiting", "active"]


# -- Defaults -------------------------------------------------------------------------------------
def test_a_default_applies_when_its_time_has_come(mina, stopped):
    choices = ["Tycho", "Clavius"]
    act(mina, "decision.ask", text="Which?", choices=choices, default="2", default_in_s=60)
    stopped.pass_s(59)
    jobs.sweep()
    early = Decision.objects.get().state
    stopped.pass_s(1)

    jobs.sweep()
    jobs.sweep()

    row = Decision.objects.get()
    assert (early, row.state, row.answer) == ("open", "answered", "Clavius")
    assert row.answered_by.kind == "hub"
    assert logged(mina, 0).count("decision.answered") == 1


# -- decision.list --------------------------------------------------------------------------------
def test_list_shows_what_waits_the_oldest_first(ada, mina, question):
    act(mina, "decision.ask", text="When?")
    act(ada, "decision.answer", decision=question, answer="1")
    before = log_end(ada)

    assert [row["text"] for row in act(ada, "decision.list")] == ["When?"]
    assert [row["number"] for row in act(ada, "decision.list", closed=True)] == [1, 2]
    assert logged(ada, before) == []
