"""Messages: posted, taken in once, changed by their author, and reacted to."""

from dataclasses import replace

import pytest

from hub import access
from hub.actions import messages
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.markdown import RichText
from hub.models import Message, Reaction
from hub.models.projects import project_lock
from tests.cast import act, last_event, log_end, logged


def say(actor, text="One small step", **payload):
    return act(actor, "message.post", channel="lobby", text=text, **payload)


# -- message.post ---------------------------------------------------------------------------------
def test_post_stores_a_message_rendered_and_logs_one_event(ada):
    before = log_end(ada)

    answer = say(ada, "One **small** step")

    assert (answer["author"], answer["channel"], answer["text"]) == ("ada", 4, "One **small** step")
    assert logged(ada, before) == ["message.posted"]
    assert last_event(ada).seq == answer["number"]
    assert last_event(ada).facts == {}
    assert "<strong>small</strong>" in Message.objects.get().html


def test_an_event_holds_no_text_of_the_message(ada):
    say(ada, "The eagle has landed")

    assert "eagle" not in last_event(ada).body


def test_a_post_names_whom_it_addresses(ada, grace, ivo):
    say(ada, "@GRACE and @ivo, look; not @nobody, `@mina` or myself, @ada")

    assert last_event(ada).facts == {"mentions": sorted([grace.member_id, ivo.member_id])}


def test_a_reply_addresses_whom_it_answers(ada, grace):
    first = say(ada)

    answer = say(grace, "One giant leap", reply_to=first["number"])

    assert answer["reply_to"] == first["number"]
    assert last_event(ada).facts == {"mentions": [ada.member_id], "reply_to": first["number"]}


def test_nothing_is_said_in_an_archived_channel(ada, ivo):
    act(ada, "task.open", title="Land")
    channel = act(ivo, "task.claim", task=1)["channel"]
    act(ada, "task.drop", task=1)

    with pytest.raises(Conflict) as refusal:
        act(ivo, "message.post", channel=channel, text="Hello?")

    assert refusal.value.code == "channel.archived"


def test_a_reply_to_nothing_is_refused(ada):
    with pytest.raises(NotFound) as refusal:
        say(ada, reply_to=99)

    assert refusal.value.code == "message.unknown"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "message.empty"),
        (" \n ", "message.empty"),
        ("x" * 65_537, "message.too_long"),
        ("é" * 40_000, "message.too_long"),
        ("> " * 21 + "deep", "message.too_deep"),
        ("a\x07b", "text.control"),
        ("a\ud83d", "text.surrogate"),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused(ada, text, code):
    with pytest.raises(Invalid) as refusal:
        say(ada, text)

    assert refusal.value.code == code
    assert not Message.objects.exists()


# -- take_in --------------------------------------------------------------------------------------
def test_a_message_from_outside_is_taken_in_once(ada):
    guest = replace(ada, entry="irc")

    with project_lock(ada.project_id) as lock:
        lobby = access.get_channel(ada, "lobby")
        rows = [
            messages.take_in(guest.at(lock.now), lobby, RichText.of(text), external_id="7")
            for text in ("first", "again")
        ]

    assert rows[0] == rows[1]
    assert Message.objects.get().text == "first"
    assert last_event(ada).seq == rows[0].seq


def test_the_same_number_of_another_network_is_another_message(ada):
    with project_lock(ada.project_id) as lock:
        lobby = access.get_channel(ada, "lobby")
        for entry in ("irc", "matrix"):
            actor = replace(ada, entry=entry).at(lock.now)
            messages.take_in(actor, lobby, RichText.of(entry), external_id="7")

    assert Message.objects.count() == 2


# -- message.edit ---------------------------------------------------------------------------------
def test_edit_changes_the_text_and_says_so_in_one_event(ada):
    number = say(ada)["number"]
    before = log_end(ada)

    answer = act(ada, "message.edit", message=number, text="One *giant* step")

    assert answer["text"] == "One *giant* step"
    assert answer["edited_at"] is not None
    assert "<em>giant</em>" in Message.objects.get().html
    assert logged(ada, before) == ["message.edited"]
    assert last_event(ada).facts == {"message": number, "origin": "test"}


def test_commands_written_into_a_message_later_are_not_carried_out(ada):
    number = say(ada)["number"]

    act(ada, "message.edit", message=number, text="!pause")

    assert act(ada, "project.show")["paused_at"] is None


@pytest.mark.parametrize(
    ("action", "more"), [("message.edit", {"text": "x"}), ("message.delete", {})]
)
def test_others_messages_cannot_be_changed(ada, grace, action, more):
    number = say(grace)["number"]

    with pytest.raises(Forbidden) as refusal:
        act(ada, action, message=number, **more)

    assert refusal.value.code == "message.not_yours"


# -- message.delete -------------------------------------------------------------------------------
def test_delete_removes_the_text_and_keeps_the_place(ada):
    number = say(ada)["number"]
    before = log_end(ada)

    answer = act(ada, "message.delete", message=number)

    row = Message.objects.get()
    assert (answer["text"], row.text, row.html) == ("", "", "")
    assert row.deleted_at is not None
    assert logged(ada, before) == ["message.deleted"]


@pytest.mark.parametrize(
    ("action", "more"), [("message.edit", {"text": "x"}), ("message.delete", {})]
)
def test_a_message_that_was_taken_back_cannot_be_changed(ada, action, more):
    number = say(ada)["number"]
    act(ada, "message.delete", message=number)

    with pytest.raises(Conflict) as refusal:
        act(ada, action, message=number, **more)

    assert refusal.value.code == "message.deleted"


# -- message.react --------------------------------------------------------------------------------
def test_react_and_react_again_take_turns(ada, grace):
    number = say(ada)["number"]
    before = log_end(ada)

    act(grace, "message.react", message=number, emoji="🚀")
    count = Reaction.objects.count()
    act(grace, "message.react", message=number, emoji="🚀")

    assert (count, Reaction.objects.count()) == (1, 0)
    assert logged(ada, before) == ["message.reacted", "message.reacted"]


def test_a_message_carries_at_most_20_different_reactions(ada, grace):
    number = say(ada)["number"]
    for index in range(20):
        act(ada, "message.react", message=number, emoji=f"+{index}")

    act(grace, "message.react", message=number, emoji="+7")
    with pytest.raises(Conflict) as refusal:
        act(grace, "message.react", message=number, emoji="+20")

    assert refusal.value.code == "reaction.too_many"


# -- message.list ---------------------------------------------------------------------------------
def test_list_reads_the_last_the_later_and_the_earlier_ones(ada):
    numbers = [say(ada, text)["number"] for text in "abcde"]
    before = log_end(ada)

    def texts(**payload):
        return "".join(row["text"] for row in act(ada, "message.list", channel="lobby", **payload))

    assert texts() == "abcde"
    assert texts(limit=2) == "de"
    assert texts(after=numbers[1], limit=2) == "cd"
    assert texts(before=numbers[3], limit=2) == "bc"
    assert logged(ada, before) == []
