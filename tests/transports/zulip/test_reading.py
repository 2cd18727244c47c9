"""What people say is read once and in order, whatever the server does meanwhile."""

import asyncio
import time

import pytest

from .conftest import ROOM, until

OTHER = "apollo/other"


async def test_a_persons_message_is_read(office):
    await office.start()

    number = office.double.say(office.ada, ROOM, "Hello @**Ramona Bot**")

    event = (await until(lambda: office.sink.events))[0]
    assert (event.kind, event.room, event.remote_id) == ("post", ROOM, str(number))
    assert event.text == "Hello @Ramona"
    assert (event.sender.name, event.sender.id) == ("Ada Lovelace", str(office.ada.id))
    assert not event.sender.is_bot
    assert office.sink.cursors[-1].split(" ")[0] == str(number)


async def test_another_bot_is_told_as_a_bot(office):
    stranger = office.double.add_user("Weather", is_bot=True)
    await office.start()
    late = office.double.add_user("Late", is_bot=True)

    office.double.say(stranger, ROOM, "rain")
    office.double.say(late, ROOM, "snow")

    events = await until(lambda: len(office.sink.events) == 2 and office.sink.events)
    assert [one.sender.is_bot for one in events] == [True, True]


async def test_rooms_nobody_bound_are_not_read_until_they_are(office):
    await office.start()
    office.double.say(office.ada, OTHER, "private")
    office.double.say(office.ada, ROOM, "open")
    await until(lambda: office.sink.events)

    await office.transport.join(OTHER)
    await office.transport.join(OTHER)
    office.double.say(office.ada, OTHER, "now bound")

    await until(lambda: office.sink.texts(OTHER))
    assert office.sink.texts(OTHER) == ["now bound"]
    assert office.sink.texts() == ["open"]


async def test_a_room_in_another_stream_is_joined_while_it_runs(office):
    await office.start()
    asked = office.double.count("POST users/me/subscriptions")

    await office.transport.join("gemini/dock")
    office.double.say(office.ada, "gemini/dock", "docked")

    await until(lambda: office.sink.texts("gemini/dock"))
    assert office.double.count("POST users/me/subscriptions") == asked + 1


async def test_a_stream_that_the_bot_may_not_read_is_a_gap(office):
    office.double.private.add("secret")

    await office.start(rooms=(ROOM, "secret/plan"))

    assert office.sink.gaps == ["secret/plan"]


async def test_what_was_said_before_the_account_began_is_never_read(office):
    office.double.say(office.ada, ROOM, "long ago")
    await office.start()
    await office.stop()

    await office.start(cursor=office.sink.cursors[-1])
    office.double.say(office.ada, ROOM, "now")

    await until(lambda: office.sink.texts())
    assert office.sink.texts() == ["now"]


async def test_what_was_said_while_it_was_away_is_read_in_order(office):
    await office.start()
    office.double.say(office.ada, ROOM, "0")
    await until(lambda: office.sink.texts())
    await office.stop()
    office.sink.events.clear()
    for number in range(1, 601):
        office.double.say(office.ada, ROOM, str(number))

    await office.start(cursor=office.sink.cursors[-1])

    await until(lambda: len(office.sink.texts()) >= 600)
    assert office.sink.texts() == [str(n) for n in range(601)]  # the core knows the first


async def test_a_lost_queue_loses_and_doubles_nothing(office):
    await office.start()
    for number in range(60):
        office.double.say(office.ada, ROOM, str(number))
        if number in {15, 30, 45}:
            office.double.drop_queues()
        await asyncio.sleep(0.01)

    await until(lambda: len(office.sink.texts()) >= 60)
    await asyncio.sleep(0.3)
    assert office.sink.texts() == [str(n) for n in range(60)]
    assert office.double.count("POST register") >= 2


@pytest.mark.parametrize("fault", ["502", "502after", "resetafter", "hang"])
async def test_a_poll_that_breaks_off_is_repeated_on_its_queue(office, fault):
    await office.start()
    office.double.fault(fault, on="GET events", seconds=1.7)
    for number in range(5):
        office.double.say(office.ada, ROOM, str(number))
        await asyncio.sleep(0.02)

    await until(lambda: len(office.sink.texts()) >= 5)
    assert office.sink.texts() == ["0", "1", "2", "3", "4"]
    assert office.double.count("POST register") == 1
    await until(lambda: office.sink.states[-1][0] == "connected")
    assert "waiting" in [state for state, _ in office.sink.states]


async def test_a_poll_that_is_limited_waits_as_long_as_it_is_told(office):
    await office.start()
    office.double.fault("429", on="GET events", seconds=1.5)
    office.double.say(office.ada, ROOM, "one")
    await until(lambda: office.double.faults[0].times == 0)
    limited_at, polls = time.monotonic(), office.double.count("GET events")

    office.double.say(office.ada, ROOM, "two")
    await office.deliver(office.op("meanwhile"))
    was_sent_after_s = time.monotonic() - limited_at
    await until(lambda: len(office.sink.texts()) >= 3)

    next_poll = [one for one in office.double.calls if one.name == "GET events"][polls]
    assert next_poll.at - limited_at >= 1.4
    assert was_sent_after_s < 1.0
    assert office.sink.texts() == ["one", "two", "meanwhile"]


async def test_heartbeats_alone_keep_one_queue_and_few_calls(office):
    office.double.heartbeat_s = 0.1
    await office.start()
    before = len(office.double.calls)

    await asyncio.sleep(1.2)

    calls = office.double.calls[before:]
    assert {one.name for one in calls} == {"GET events"}
    assert len(calls) <= 14
    seen = [int(one.values["last_event_id"]) for one in calls]
    assert seen == sorted(set(seen))
    assert len(seen) >= 6
    assert [state for state, _ in office.sink.states] == ["connecting", "connected"]


@pytest.mark.parametrize("is_away", [False, True], ids=["live", "while away"])
async def test_a_lower_id_after_a_higher_one_is_read(office, is_away):
    await office.start()
    low = office.double.skip_id()
    office.double.say(office.ada, ROOM, "higher")
    await until(lambda: office.sink.texts())

    if is_away:
        await office.stop()
    office.double.say(office.ada, ROOM, "lower", number=low)
    if is_away:
        office.sink.events.clear()
        await office.start(cursor=office.sink.cursors[-1])

    await until(lambda: "lower" in office.sink.texts())
    assert sorted(office.sink.texts()) == ["higher", "lower"]


async def test_events_stay_on_the_server_until_they_are_stored(office):
    await office.start()
    office.sink.fails = 2

    office.double.say(office.ada, ROOM, "hold it")
    number = max(office.double.messages)
    office.double.react(office.ada, number, "tada")

    await until(lambda: office.sink.of("react"))
    assert office.sink.texts() == ["hold it"]
    assert office.double.count("POST register") == 1


async def test_edits_deletions_and_reactions_name_their_message(office):
    number = office.double.say(office.ada, ROOM, "frist")
    await office.start()  # it knows nothing of that message yet

    office.double.edit(office.ada, number, "first @**all**")
    office.double.react(office.ada, number, "tada")
    office.double.react(office.ada, number, "tada", op="remove")
    office.double.react(office.ada, number, "tada")
    await until(lambda: len(office.sink.events) == 4)
    office.double.delete(number)

    await until(lambda: office.sink.of("delete"))
    events = office.sink.events
    kinds = [one.kind for one in events]
    assert kinds == ["edit", "react", "unreact", "react", "delete"]
    assert {one.target for one in events} == {str(number)}
    assert {one.room for one in events} == {ROOM}
    assert events[0].text == "first @all"
    assert events[1].emoji == "🎉"
    assert len({one.remote_id for one in events}) == 5


async def test_an_edit_made_while_it_was_away_is_read(office):
    await office.start()
    number = office.double.say(office.ada, ROOM, "draft")
    await until(lambda: office.sink.texts())
    await office.stop()
    office.double.edit(office.ada, number, "final")

    await office.start(cursor=office.sink.cursors[-1])

    edit = office.sink.of("edit")[0]
    assert (edit.text, edit.target) == ("final", str(number))


async def test_an_event_that_cannot_be_read_stops_no_other(office):
    await office.start()

    office.double.tell("reaction", {"op": "add"})
    office.double.tell("message", {"message": {"id": "?"}})
    office.double.say(office.ada, ROOM, "after")

    await until(lambda: office.sink.texts())
    assert office.sink.texts() == ["after"]
    assert office.double.count("POST register") == 1


async def test_hostile_characters_are_stored_as_replacements(office):
    await office.start()
    content = "a\x01b\x02\x1b[31m\u0085c\u2028d\u202ee"

    office.double.say(office.ada, ROOM, content)

    await until(lambda: office.sink.texts())
    assert office.sink.texts() == ["a\ufffdb\ufffd\ufffd[31m\nc\nde"]


async def test_stopping_ends_the_waiting_poll(office):
    office.double.heartbeat_s = 60
    await office.start()
    queues = list(office.double.queues)

    started = time.monotonic()
    await office.stop()

    assert time.monotonic() - started < 1.0
    assert len(queues) == 1
    assert office.double.queues == {}
