"""Steering: live, at an agent's next step, and by resume, when it sleeps or is held."""

from datetime import timedelta

import pytest

from agents import toolbox
from agents.models import Entry, Session, Step, TurnState
from agents.providers.base import Exchange, Request
from agents.providers.rehearsal import Rehearsal
from hub import clock, identify, registry
from hub.errors import Conflict
from hub.models import Member, Message, Run

from .played import say, use
from .stage import Set


def during(monkeypatch: pytest.MonkeyPatch, what) -> None:
    """Let something happen while the first tool call runs."""
    real = toolbox.run

    def run(*args):
        monkeypatch.setattr(toolbox, "run", real)
        outcome = real(*args)
        what()
        return outcome

    monkeypatch.setattr(toolbox, "run", run)


def test_a_message_reaches_an_agent_at_its_next_step_and_only_once(
    stage: Set, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = played(("one", [use("task_list")]), ("two", [use("channel_list")]))
    row = stage.start("em")
    during(monkeypatch, lambda: stage.act("session.steer", session=row.number, text="Turn left."))

    stage.run_all()
    stage.wake()
    stage.run_all()

    first, second, third = provider.requests
    assert first.exchanges == ()
    assert "Turn left." in second.exchanges[0].heard
    assert "said to you" in second.exchanges[0].heard
    assert [item["text"] for item in second.exchanges[0].heard_news] == [
        f"@{row.member.name} Turn left."
    ]
    assert third.exchanges[0].heard == second.exchanges[0].heard  # what was told stays told
    assert third.exchanges[1].heard == ""
    assert row.turns.count() == 1


def test_what_was_heard_is_in_the_transcript(stage: Set, played, monkeypatch) -> None:
    played(("one", [use("task_list")]))
    row = stage.start("em")
    during(monkeypatch, lambda: stage.act("session.steer", session=row.number, text="Turn left."))

    stage.run_all()

    heard = Entry.objects.get(session=row, title="1 new while at work")
    assert "Turn left." in heard.text


def test_private_words_are_heard_and_stay_out_of_the_transcript(
    stage: Set, played, monkeypatch
) -> None:
    provider = played(("one", [use("task_list")]))
    row = stage.start("em")
    direct = stage.act("channel.direct", member=row.member.name)["name"]
    during(monkeypatch, lambda: stage.act("message.post", channel=direct, text="Psst, left."))

    stage.run_all()

    assert "Psst, left." in provider.requests[1].exchanges[0].heard
    assert not Entry.objects.filter(session=row, text__contains="Psst").exists()


def test_what_is_said_to_others_does_not_interrupt(stage: Set, played, monkeypatch) -> None:
    provider = played(("one", [use("task_list")]))
    stage.start("em")
    during(monkeypatch, lambda: stage.act("message.post", channel="lobby", text="Lunch?"))

    stage.run_all()

    assert provider.requests[1].exchanges[0].heard == ""


def test_an_agents_thanks_do_not_interrupt(stage: Set, played, monkeypatch) -> None:
    provider = played(("one", [use("task_list")]))
    row, other = stage.start("em"), stage.start("tester")
    Session.objects.filter(pk=other.pk).update(due_at=None)
    mate = identify.of_member(Member.objects.get(pk=other.member_id), "test")
    words = {"channel": "project", "text": f"@{row.member.name} thanks!"}
    during(monkeypatch, lambda: registry.call(mate, "message.post", words))

    stage.run_all()

    assert provider.requests[1].exchanges[0].heard == ""


def test_a_retaken_turn_tells_the_model_the_same(stage: Set, played, monkeypatch) -> None:
    provider = played(("one", [use("task_list")]))
    row = stage.start("em")
    during(monkeypatch, lambda: stage.act("session.steer", session=row.number, text="Turn left."))
    real = provider.respond

    def cut_off(request, stop):
        if request.exchanges:
            raise KeyboardInterrupt
        return real(request, stop)

    monkeypatch.setattr(provider, "respond", cut_off)
    with pytest.raises(KeyboardInterrupt):
        stage.run_all()
    told = Step.objects.get().heard_text
    monkeypatch.setattr(provider, "respond", real)

    stage.run_all()

    assert "Turn left." in told
    assert provider.requests[-1].exchanges[0].heard == told


def test_the_rehearsal_takes_what_it_hears_as_news() -> None:
    item = {"name": "message.posted", "seq": 7, "facts": {}, "actor": "Pat", "text": "left"}
    item["where"] = "lobby"
    request = Request(
        role="em",
        agent="Ramona",
        task="",
        brief="",
        script="wordcount",
        system="",
        prompt="",
        news=(),
        exchanges=(Exchange(text="", outcomes=(), heard="left", heard_news=(item,)),),
        tools=(),
        state={"at": 0, "news": []},
    )

    answer = Rehearsal().respond(request, str)

    assert answer.state["news"] == [item]


# -- By resume ------------------------------------------------------------------------------------
def test_a_sleeping_session_is_woken_with_the_message(stage: Set, played) -> None:
    provider = played()
    row = stage.start("em")
    stage.run_all()

    answer = stage.act("session.steer", session=row.number, text="Turn left.")
    stage.wake()
    stage.run_all()

    assert answer["text"] == f"Said to {row.member.name}, who is woken."
    assert "Turn left." in provider.requests[-1].prompt
    assert row.turns.count() == 2
    assert Session.objects.count() == 1


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("session", "who reads it when this is over: the session is paused"),
        ("project", "who reads it when this is over: the project is paused"),
        ("turn", "who is at work and hears it at the next step"),
        ("parked", "UTC and reads it then: a limit"),
    ],
)
def test_the_answer_says_what_keeps_it_from_reading(stage: Set, played, how, words) -> None:
    played()
    row = stage.start("em")
    stage.run_all()
    later = clock.now() + timedelta(minutes=5)
    if how == "session":
        stage.act("session.pause", session=row.number)
    elif how == "project":
        stage.act("project.pause")
    elif how == "turn":
        Run.objects.update(lease_until=later)
    else:
        Session.objects.update(parked_until=later, activity="a limit")

    answer = stage.act("session.steer", session=row.number, text="Turn left.")

    assert words in answer["text"]


def test_a_session_that_is_over_is_not_steered(stage: Set, played) -> None:
    row = stage.start("em")
    stage.act("session.cancel", session=row.number)

    with pytest.raises(Conflict) as refusal:
        stage.act("session.steer", session=row.number, text="Turn left.")

    assert refusal.value.code == "session.over"


def test_steering_in_chat_is_answered_in_words(stage: Set, played) -> None:
    played()
    row = stage.start("em")
    stage.run_all()

    stage.act("message.post", channel="lobby", text=f"!steer {row.number} Turn left.")

    reply = Message.objects.get(author__kind="hub", channel__kind="lobby")
    assert reply.text == f"Said to {row.member.name}, who is woken."


def test_a_paused_turn_goes_on_with_what_was_said_meanwhile(stage: Set, played, monkeypatch):
    provider = played(("one", [use("task_list")]), ("two", [say("x")]))
    row = stage.start("em")
    during(monkeypatch, lambda: stage.act("session.pause", session=row.number))
    stage.run_all()
    stage.act("session.steer", session=row.number, text="Turn left.")

    stage.act("session.resume", session=row.number)
    stage.run_all()

    assert "Turn left." in provider.requests[1].exchanges[0].heard
    assert row.turns.first().state == TurnState.DONE
