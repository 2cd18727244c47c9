"""Keys that are refused, topics that people move, servers that are away."""

import asyncio
from dataclasses import replace

import pytest

from transports.base import KINDS, Idem, Sent
from transports.zulip.rooms import read_cursor

from .conftest import ROOM, WAITS, until
from .world import RefusedError


def states(office):
    return [state for state, _ in office.sink.states]


@pytest.mark.parametrize("how", ["key", "deactivated"])
async def test_a_refused_bot_waits_with_one_call_a_step_and_comes_back(office, how):
    await office.start()
    key = office.main.key
    if how == "key":
        office.main.key = "another"
    else:
        office.main.is_active = False

    await until(lambda: "refused" in states(office), 1.0)
    calls = len(office.double.calls)
    await asyncio.sleep(0.8)
    asked = len(office.double.calls) - calls
    ramona = office.op("I am well.")
    result = await office.transport.send(ramona, office.transport.render(ramona)[0])
    office.double.say(office.ada, ROOM, "meanwhile")
    office.main.key, office.main.is_active = key, True

    await until(lambda: states(office)[-1] == "connected")
    await until(lambda: "meanwhile" in office.sink.texts())
    assert 2 <= asked <= 8  # steps of 0.12 to 0.2 s
    assert isinstance(result, Sent)
    assert all(key not in why for _, why in office.sink.states)


async def test_a_wrong_key_at_the_start_is_told(office):
    await office.start_unready(key="wrong")

    await until(lambda: "refused" in states(office))
    await asyncio.sleep(0.4)
    assert office.sink.states == [("connecting", ""), ("refused", "INVALID_API_KEY")]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(office.transport.ready(), 0.05)
    assert {one.name for one in office.double.calls} == {"POST register"}
    assert len(office.double.calls) <= 6


async def test_a_server_that_is_away_is_waited_for(office):
    office.double.fault("502", on="POST register", times=3)

    await office.start()

    assert states(office) == ["connecting", "waiting", "connected"]
    assert office.double.count("POST register") == 4


async def test_a_server_that_dies_in_a_burst_has_every_post_once_and_in_order(office):
    await office.start()

    async def die_twice():
        for number in (15, 35):
            await until(lambda number=number: len(office.contents()) >= number)
            office.double.stop()
            await asyncio.sleep(0.3)
            office.double.start()

    dying = asyncio.create_task(die_twice())
    for number in range(60):
        await office.deliver(office.op(str(number)))
        office.double.say(office.ada, ROOM, f"ada {number}")
    await dying

    assert [one for one in office.contents() if one.isdigit()] == [str(n) for n in range(60)]
    hers = [f"ada {number}" for number in range(60)]
    await until(lambda: hers[-1] in office.sink.texts())
    assert [one for one in office.sink.texts() if "ada" in one] == hers


async def test_queues_that_are_lost_at_once_make_few_calls(office, monkeypatch):
    def lost(user, queue_id, last, *, block):
        raise RefusedError("Bad event queue ID", "BAD_EVENT_QUEUE_ID", queue_id=queue_id)

    monkeypatch.setattr(office.double, "poll", lost)
    waits = replace(WAITS, back_off_s=0.2)
    await office.start(waits=waits)
    before = office.double.count("POST register")

    await asyncio.sleep(1.0)

    assert 1 <= office.double.count("POST register") - before <= 5


@pytest.mark.parametrize("call", ["GET users", "POST users/me/subscriptions", "GET messages"])
async def test_a_break_while_it_connects_is_begun_again(office, call):
    office.double.fault("502", on=call)

    await office.start(cursor="1")
    office.double.say(office.ada, ROOM, "hello")

    await until(lambda: office.sink.texts())
    assert office.sink.texts() == ["hello"]


@pytest.mark.parametrize("topic", ["landing site", "✔ moon/landing"], ids=["renamed", "resolved"])
async def test_a_room_follows_its_topic(office, topic):
    await office.start()
    office.double.say(office.ada, ROOM, "before")
    office.double.rename(office.ada, ROOM, topic)
    office.double.say(office.ada, f"apollo/{topic}", "after")
    await until(lambda: len(office.sink.texts()) == 2)

    await office.deliver(office.op("I follow."))

    assert office.contents(f"apollo/{topic}") == ["before", "after", "I follow."]
    assert office.contents(ROOM) == []
    await until(lambda: len(office.sink.texts()) == 3)
    assert office.sink.texts() == ["before", "after", "I follow."]
    assert office.sink.of("edit") == []


async def test_a_room_stays_with_its_topic_over_a_restart(office):
    await office.start()
    office.double.say(office.ada, ROOM, "before")
    office.double.rename(office.ada, ROOM, "site")
    office.double.say(office.ada, "apollo/site", "after")
    await until(lambda: len(office.sink.texts()) == 2)
    await office.stop()
    cursor = office.sink.cursors[-1]

    await office.start(cursor=cursor)
    await office.deliver(office.op("Still here."))

    assert read_cursor(cursor)[2] == {ROOM: "apollo/site"}
    assert office.contents("apollo/site")[-1] == "Still here."


async def test_a_topic_renamed_while_it_was_away_is_followed(office):
    await office.start()
    office.double.say(office.ada, ROOM, "before")
    await until(lambda: office.sink.texts())
    await office.stop()
    office.double.say(office.ada, ROOM, "unread")
    office.double.rename(office.ada, ROOM, "site")

    await office.start(cursor=office.sink.cursors[-1])
    await office.deliver(office.op("Found you."))

    assert "unread" in office.sink.texts()
    assert office.contents("apollo/site")[-1] == "Found you."


async def test_one_message_that_is_moved_takes_no_room_with_it(office):
    await office.start()
    number = office.double.say(office.ada, ROOM, "off topic")
    office.double.say(office.ada, ROOM, "on topic")
    office.double.rename(office.ada, ROOM, "elsewhere", only=number)
    office.double.say(office.ada, ROOM, "go on")
    await until(lambda: len(office.sink.texts()) == 3)

    await office.deliver(office.op("Here."))

    assert office.contents(ROOM) == ["on topic", "go on", "Here."]


async def test_a_stream_that_is_renamed_keeps_its_rooms(office):
    await office.start()
    number = office.double.stream("apollo")
    office.double.streams[number] = "artemis"
    change = {"op": "update", "property": "name", "stream_id": number, "value": "artemis"}
    office.double.tell("stream", change)

    office.double.say(office.ada, "artemis/moon/landing", "new name")
    await until(lambda: office.sink.texts())
    await office.deliver(office.op("I see."))

    assert office.contents("artemis/moon/landing") == ["new name", "I see."]


def test_an_account_without_a_key_is_refused(office):
    account = office.account()
    account.secrets.pop("Ramona")

    with pytest.raises(ValueError, match="Ramona"):
        KINDS["zulip"](account)


def test_what_it_can_do_is_known_before_it_connects(office):
    caps = KINDS["zulip"](office.account()).caps()

    assert caps.idem is Idem.PROBE
    assert caps.rate_per_s * 60 + caps.burst <= 200


@pytest.mark.parametrize(
    ("cursor", "read"),
    [
        (None, (None, 0, {})),
        ("", (None, 0, {})),
        ("12", (12, 0, {})),
        ('12 {"from": 7, "moved": {"a/b": "a/c"}}', (12, 7, {"a/b": "a/c"})),
        ("12 {broken", (12, 0, {})),
        ("12 []", (12, 0, {})),
        ("x", (None, 0, {})),
    ],
)
def test_a_cursor_is_read(cursor, read):
    assert read_cursor(cursor) == read
