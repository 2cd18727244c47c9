"""From a chat line to an action: as its author, with what they could do then, once."""

import logging

import pytest

from hub import identify, jobs
from hub.actions import commands, messages
from hub.errors import Unavailable
from hub.models import Event, Message, StoredCall, Task
from tests.cast import act, last_event, log_end, logged


def say(actor, text, channel="lobby"):
    """Post a line; give its row as it is after its commands were handled."""
    answer = act(actor, "message.post", channel=channel, text=text)
    return Message.objects.get(project_id=actor.project_id, seq=answer["number"])


def last_reply(actor):
    return Message.objects.filter(project_id=actor.project_id, author__kind="hub").last()


# -- Lines become actions -------------------------------------------------------------------------
def test_a_task_line_opens_a_task_caused_by_its_message_and_is_answered(ada):
    said = say(ada, "TASK: Land on the moon")

    assert Task.objects.get().name == "land-on-the-moon"
    assert Event.objects.get(name="task.opened").cause == f"message:{said.seq}"
    assert Event.objects.get(name="task.opened").actor_id == ada.member_id
    assert last_reply(ada).text == "Task #1 land-on-the-moon is open."
    assert last_reply(ada).reply_to == said
    assert (said.refusal, said.handled_at is not None) == ("", True)


@pytest.mark.parametrize(
    ("line", "state", "words"),
    [
        ("CLAIM task=land", "claimed", ""),
        ("CLAIM task=#1", "claimed", ""),
        ("!claim 1", "claimed", ""),
        ("!drop 1 No fuel left", "dropped", "No fuel left"),
        ("!drop land", "dropped", ""),
    ],
)
def test_verbs_and_bang_commands_change_tasks(ada, line, state, words):
    act(ada, "task.open", title="Land")

    said = say(ada, line)

    row = Task.objects.get()
    assert (said.refusal, row.state, row.outcome) == ("", state, words)


def test_the_words_of_a_command_fill_its_prose(ada):
    for line in ("!task Land on the moon", "!objective Reach the moon, soon", "!pause Storm ahead"):
        assert say(ada, line).refusal == ""

    assert Task.objects.get().title == "Land on the moon"
    assert act(ada, "objective.list")[0]["prompt"] == "Reach the moon, soon"
    assert Event.objects.get(name="project.paused").facts == {"reason": "Storm ahead"}


def test_a_question_is_answered_from_the_chat(ada, mina):
    act(mina, "decision.ask", text="Which crater?", choices=["Tycho", "Clavius"])

    assert say(ada, "!ans 1 2").refusal == ""

    (row,) = act(ada, "decision.list", closed=True)
    assert row["answer"] == "Clavius"


def test_a_blocked_line_takes_several_tasks(ada):
    for title in ("Fuel", "Land", "Walk"):
        act(ada, "task.open", title=title)

    assert say(ada, "BLOCKED task=walk waiting-for=fuel,land").refusal == ""

    assert act(ada, "task.show", task="walk")["waits_for"] == [1, 2]


def test_reads_are_answered_in_the_channel(ada):
    act(ada, "task.open", title="Land")

    say(ada, "!why 1")

    assert last_reply(ada).text.startswith("#1 land: Nobody has taken it")


def test_several_lines_are_several_calls(ada):
    said = say(ada, "Plan:\nTASK: Fuel\nand then\nTASK: Land\nCLAIM task=land")

    assert said.refusal == ""
    assert list(Task.objects.order_by("number").values_list("name", "state")) == [
        ("fuel", "open"),
        ("land", "claimed"),
    ]


def test_prose_stays_prose(ada):
    before = log_end(ada)

    said = say(ada, "I CLAIM nothing and the TASK is clear!")

    assert logged(ada, before) == ["message.posted"]
    assert (said.refusal, said.scopes) == ("", [])


def test_tags_name_what_a_task_waits_for(ada):
    for title in ("Fuel", "Land"):
        act(ada, "task.open", title=title)

    said = say(ada, "BLOCKED task=land waiting-for=fuel #blocked-by-1")

    assert said.refusal == ""
    assert act(ada, "task.show", task="land")["waits_for"] == [1]


def test_the_answer_to_a_task_line_says_whom_it_is_for(ada, ivo):
    say(ada, "TASK: @ivo Land on the moon")

    assert last_reply(ada).text == "Task #1 land-on-the-moon is open, for ivo."


# -- Refusals -------------------------------------------------------------------------------------
def test_a_refused_command_leaves_its_message_with_the_reason(joan):
    before = log_end(joan)

    said = say(joan, "TASK: Land on the moon")

    assert "right to plan" in said.refusal
    assert not Task.objects.exists()
    assert logged(joan, before) == ["message.posted", "message.refused"]
    refused = last_event(joan)
    assert refused.facts == {"message": said.seq, "mentions": [joan.member_id]}
    assert refused.actor.kind == "hub"


def test_one_refused_line_does_not_undo_the_others(ada):
    said = say(ada, "TASK: Fuel\n!drop 77\nTASK: Land")

    assert said.refusal == "There is no task 77 here."
    assert list(Task.objects.values_list("name", flat=True)) == ["fuel", "land"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("!levitate 1", "Nothing here handles !levitate yet"),
        ("VOTE topic=crater choice=tycho", "Nothing here handles VOTE yet"),
        ("!drop", "task: Field required"),
        ("!resume now", "words: Extra inputs"),
        ("CLAIM task=", "CLAIM"),
    ],
)
def test_what_nothing_handles_is_answered_in_words_and_stays_chat(ada, line, words):
    said = say(ada, line)

    assert words in said.refusal
    assert said.text == line


def test_a_token_that_may_only_talk_cannot_drop_through_chat(ada):
    act(ada, "task.open", title="Land")
    secret = act(ada, "token.create", label="bot", scopes=["read", "talk"])["secret"]

    said = say(identify.of_token(secret), "!drop 1")

    assert "right to plan" in said.refusal
    assert said.scopes == ["read", "talk"]
    assert Task.objects.get().state == "open"


def test_parleys_own_words_are_no_commands(hub):
    said = say(hub, "TASK: Land")

    assert said.handled_at is not None
    assert Task.objects.count() == 1

    quiet = identify.of_hub(hub.project_id, "hub")
    assert say(quiet, "TASK: Walk").refusal == ""
    assert Task.objects.count() == 1


# -- Crashes --------------------------------------------------------------------------------------
@pytest.fixture
def crashed(monkeypatch):
    """Let the process end between the message's commit and its commands."""
    monkeypatch.setattr(messages, "after_commit", lambda call: None)


def test_the_sweep_finishes_a_half_handled_message_exactly_once(ada, crashed, stopped):
    said = say(ada, "TASK: Land on the moon")
    assert (said.handled_at, Task.objects.count()) == (None, 0)
    stopped.pass_s(3)

    jobs.sweep()
    jobs.sweep()

    assert Task.objects.count() == 1
    assert Event.objects.filter(name="task.opened").count() == 1
    assert Message.objects.filter(author__kind="hub").count() == 1
    assert Message.objects.get(pk=said.pk).handled_at == stopped.at


def test_the_sweep_leaves_a_message_that_is_being_handled_right_now(ada, crashed, stopped):
    say(ada, "TASK: Land")
    stopped.pass_s(1)

    jobs.sweep()

    assert not Task.objects.exists()


def test_a_crash_within_the_handling_undoes_all_of_it(ada, monkeypatch, stopped, caplog):
    close = messages._close
    monkeypatch.setattr(messages, "_close", lambda *_: 1 / 0)
    said = say(ada, "TASK: Land")
    assert (Task.objects.count(), StoredCall.objects.count()) == (0, 0)
    monkeypatch.setattr(messages, "_close", close)
    stopped.pass_s(3)

    jobs.sweep()

    assert Task.objects.count() == 1
    assert Message.objects.get(pk=said.pk).handled_at is not None


def test_handling_a_message_twice_changes_nothing(ada):
    said = say(ada, "TASK: Land")
    before = log_end(ada)

    messages.handle(said.pk)

    assert logged(ada, before) == []


def test_a_message_keeps_the_rights_of_its_author_at_its_time(ada, grace, crashed, stopped):
    say(grace, "TASK: Land")
    act(ada, "member.retire", name="grace")
    stopped.pass_s(3)

    jobs.sweep()

    assert not Task.objects.exists()
    assert "right to plan" in Message.objects.get(author_id=grace.member_id).refusal


def test_one_message_that_cannot_be_handled_does_not_stop_the_others(
    ada, crashed, stopped, monkeypatch, caplog
):
    first = say(ada, "TASK: Poison")
    say(ada, "TASK: Land")
    carry_out = commands.carry_out
    monkeypatch.setattr(
        commands,
        "carry_out",
        lambda actor, row: 1 / 0 if row.pk == first.pk else carry_out(actor, row),
    )
    stopped.pass_s(3)

    with caplog.at_level(logging.ERROR):
        jobs.sweep()

    assert list(Task.objects.values_list("name", flat=True)) == ["land"]
    assert f"handle of {first.pk} failed" in caplog.text


def test_a_busy_project_is_left_for_the_next_sweep(ada, crashed, stopped, monkeypatch, caplog):
    say(ada, "TASK: Land")
    stopped.pass_s(3)
    carry_out = commands.carry_out

    def busy(*_):
        raise Unavailable("busy", code="project.busy")

    monkeypatch.setattr(commands, "carry_out", busy)
    jobs.sweep()
    early = Task.objects.count()
    monkeypatch.setattr(commands, "carry_out", carry_out)
    jobs.sweep()

    assert (early, Task.objects.count()) == (0, 1)
    assert "left for the next sweep" in caplog.text


def test_a_sweep_that_comes_twice_changes_nothing(ada, ivo, mina, stopped):
    act(ada, "task.open", title="Land")
    act(ivo, "task.claim", task=1, lease_s=60)
    act(mina, "decision.ask", text="Well?", default="yes", default_in_s=60)
    stopped.pass_s(61)
    jobs.sweep()
    before = log_end(ada)

    jobs.sweep()

    assert logged(ada, before) == []
