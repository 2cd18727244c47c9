"""Channels: made, private ones, and how far each member has read."""

import pytest

from hub.errors import Conflict, Invalid, NotFound
from hub.models import Channel, ReadMark
from tests.cast import act, last_event, log_end, logged


# -- channel.create -------------------------------------------------------------------------------
def test_create_makes_a_channel_and_logs_one_event(ada):
    before = log_end(ada)

    answer = act(ada, "channel.create", name="snacks", topic="Tang " * 100)

    assert (answer["number"], answer["kind"], answer["name"]) == (5, "lobby", "snacks")
    assert len(answer["topic"]) <= 300
    assert logged(ada, before) == ["channel.created"]
    assert last_event(ada).facts == {"kind": "lobby"}


def test_create_refuses_a_taken_name(ada):
    with pytest.raises(Conflict) as refusal:
        act(ada, "channel.create", name="standup")

    assert refusal.value.code == "channel.name_taken"


# -- channel.direct -------------------------------------------------------------------------------
def test_direct_opens_one_private_channel_for_both(ada, grace):
    before = log_end(ada)

    first = act(ada, "channel.direct", member="grace")

    assert first["kind"] == "direct"
    assert logged(ada, before) == ["channel.created"]
    assert act(grace, "channel.direct", member="@ada") == first
    assert Channel.objects.filter(kind="direct").count() == 1


def test_direct_refuses_oneself(ada):
    with pytest.raises(Invalid) as refusal:
        act(ada, "channel.direct", member="ada")

    assert refusal.value.code == "channel.alone"


def test_direct_refuses_who_has_left(ada, grace):
    act(ada, "member.retire", name="grace")

    with pytest.raises(Conflict) as refusal:
        act(ada, "channel.direct", member="grace")

    assert refusal.value.code == "member.retired"


def test_a_private_channel_does_not_exist_for_others(ada, grace, joan):
    channel = act(grace, "channel.direct", member="joan")
    said = act(joan, "message.post", channel=channel["number"], text="Between us")
    act(joan, "message.react", message=said["number"], emoji="+")

    for action, payload in [
        ("message.post", {"channel": channel["number"], "text": "Ha"}),
        ("message.list", {"channel": channel["name"]}),
        ("message.react", {"message": said["number"], "emoji": "+"}),
        ("channel.mark_read", {"channel": channel["number"], "upto": 1}),
    ]:
        with pytest.raises(NotFound):
            act(ada, action, **payload)
    assert channel["name"] not in [row["name"] for row in act(ada, "channel.list")]
    assert not [
        row for row in act(ada, "log.read") if row["subject"] == f"channel:{channel['number']}"
    ]
    assert "Between us" not in str(act(ada, "inbox.read", max_tokens=32_000))


# -- channel.list ---------------------------------------------------------------------------------
def test_list_gives_channels_by_number_without_archived_ones(ada, ivo):
    act(ada, "task.open", title="Land")
    act(ivo, "task.claim", task=1)
    act(ada, "task.drop", task=1)
    before = log_end(ada)

    names = [row["name"] for row in act(ada, "channel.list")]

    assert names == ["project", "standup", "errors", "lobby"]
    assert act(ada, "channel.list", archived=True)[4]["name"] == "work-1-land"
    assert logged(ada, before) == []


@pytest.mark.parametrize("channel", [1, "1", "#1", "project", "#project"])
def test_a_channel_is_found_by_number_and_by_name(ada, channel):
    assert act(ada, "message.list", channel=channel) == []


@pytest.mark.parametrize("channel", ["²", "99", "nowhere", "", 10**30, -1])
def test_a_channel_that_is_not_there_is_not_found(ada, channel):
    with pytest.raises(NotFound) as refusal:
        act(ada, "message.list", channel=channel)

    assert refusal.value.code == "channel.unknown"


# -- channel.mark_read ----------------------------------------------------------------------------
def test_mark_read_moves_forward_only_and_logs_nothing(ada):
    said = [act(ada, "message.post", channel="lobby", text=text)["number"] for text in "abc"]
    before = log_end(ada)

    for upto in (said[1], said[2], said[0]):
        act(ada, "channel.mark_read", channel="lobby", upto=upto)

    assert ReadMark.objects.get().seq == said[2]
    assert logged(ada, before) == []


def test_nobody_has_read_the_future(ada):
    act(ada, "channel.mark_read", channel="lobby", upto=10_000)

    assert ReadMark.objects.get().seq == log_end(ada)
