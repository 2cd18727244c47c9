"""What a member has not seen: ranked, inside a budget, and never skipped in silence."""

import pytest

from hub.actions import inbox
from tests.cast import act, log_end, logged


@pytest.fixture
def caught_up(ivo):
    """Let ivo have read everything so far."""
    act(ivo, "inbox.ack", upto=10_000)
    return ivo


def read(actor, max_tokens=2_000):
    return act(actor, "inbox.read", max_tokens=max_tokens)


def shown(answer):
    return [(item["rank"], item["name"]) for item in answer["items"]]


def test_what_is_addressed_to_me_comes_first_then_my_task_then_the_project(ada, caught_up):
    act(ada, "task.open", title="Land", to="ivo")
    act(ada, "message.post", channel="project", text="Good morning")
    act(ada, "task.assign", task=1, to="ivo")
    act(caught_up, "task.claim", task=1)
    act(ada, "message.post", channel="work-1-land", text="Mind the crater")
    act(ada, "message.post", channel="lobby", text="@ivo lunch?")

    answer = read(caught_up)

    assert shown(answer) == [
        (1, "task.opened"),
        (1, "task.assigned"),
        (1, "message.posted"),
        (2, "message.posted"),
        (3, "message.posted"),
    ]
    assert [item["text"] for item in answer["items"][2:]] == [
        "@ivo lunch?",
        "Mind the crater",
        "Good morning",
    ]


def test_ones_own_doings_are_no_news(caught_up):
    act(caught_up, "message.post", channel="project", text="Here I am")

    assert read(caught_up)["items"] == []


def test_what_was_read_comes_again_until_it_is_acknowledged(ada, caught_up):
    act(ada, "message.post", channel="project", text="Good morning")
    first = read(caught_up)

    again = read(caught_up)
    act(caught_up, "inbox.ack", upto=first["upto"])

    assert again == first
    assert read(caught_up) == {
        "after": first["upto"],
        "upto": first["upto"],
        "items": [],
        "skipped": [],
    }


def test_what_does_not_fit_is_named_with_its_place_and_range(ada, caught_up):
    numbers = [
        act(ada, "message.post", channel="project", text=f"{n} " + "moon " * 60)["number"]
        for n in range(5)
    ]

    answer = read(caught_up, max_tokens=200)

    assert [item["seq"] for item in answer["items"]] == numbers[:2]
    assert answer["skipped"] == [
        {"where": "project", "count": 3, "first_seq": numbers[2], "last_seq": numbers[4]}
    ]
    assert answer["upto"] == numbers[4]


def test_chatter_elsewhere_is_counted_and_not_shown(ada, caught_up):
    act(ada, "message.post", channel="project", text="Good morning")
    act(ada, "message.post", channel="lobby", text="Nice weather")

    answer = read(caught_up)

    assert [item["text"] for item in answer["items"]] == ["Good morning"]
    assert [(row["where"], row["count"]) for row in answer["skipped"]] == [("lobby", 1)]


def test_the_nearest_item_is_given_even_if_it_is_over_the_budget(ada, caught_up):
    act(ada, "message.post", channel="lobby", text="@ivo " + "moon " * 2_000)

    (item,) = read(caught_up, max_tokens=100)["items"]

    assert len(item["text"]) == inbox.MAX_ITEM_CHARS


def test_the_answer_to_a_question_reaches_who_asked_with_its_words(ada, caught_up):
    act(caught_up, "decision.ask", text="Which crater?")

    act(ada, "decision.answer", decision=1, answer="Tycho")

    item, said = read(caught_up)["items"]
    assert (item["rank"], item["text"]) == (1, "Answer to question 1: Tycho")
    assert (said["rank"] > 1, said["text"]) == (True, "ada answers question 1: Tycho")


def test_a_private_message_is_addressed(ada, caught_up):
    channel = act(ada, "channel.direct", member="ivo")["number"]
    act(ada, "message.post", channel=channel, text="Psst")

    assert ("Psst", 1) in [(item["text"], item["rank"]) for item in read(caught_up)["items"]]


def test_a_refused_command_reaches_its_author_in_words(ada, caught_up):
    act(caught_up, "message.post", channel="lobby", text="!drop 1")

    (item,) = read(caught_up)["items"]

    assert (item["name"], item["rank"]) == ("message.refused", 1)
    assert "right to plan" in item["text"]


def test_ack_never_goes_back_nor_past_the_end(ada, caught_up):
    end = log_end(ada)

    act(caught_up, "inbox.ack", upto=1)
    assert read(caught_up)["after"] == end
    act(ada, "message.post", channel="project", text="Still seen")

    assert [item["text"] for item in read(caught_up)["items"]] == ["Still seen"]


def test_reading_and_acknowledging_write_no_event(ada, caught_up):
    before = log_end(ada)

    act(caught_up, "inbox.ack", upto=read(caught_up)["upto"] or 1)

    assert logged(ada, before) == []


def test_at_most_500_events_are_read_at_once_and_the_rest_comes_next(ada, caught_up, monkeypatch):
    monkeypatch.setattr(inbox, "MAX_EVENTS", 3)
    numbers = [act(ada, "message.post", channel="project", text=str(n))["number"] for n in range(5)]

    first = read(caught_up)
    act(caught_up, "inbox.ack", upto=first["upto"])

    assert first["upto"] == numbers[2]
    assert [item["text"] for item in read(caught_up)["items"]] == ["3", "4"]
