"""What we say arrives once, under the right name, whatever becomes of the answer."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from transports.base import Landed, Missing, Quoted, Rejected, Retry, Sent, Unknown
from transports.zulip.adapter import Zulip

from .conftest import ROOM, WAITS, until


async def test_a_bot_speaks_by_its_own_account_and_others_by_prefix(office):
    await office.start()

    await office.deliver(office.op("I begin.", by="Ramona"))
    await office.deliver(office.op("I follow.", by="Theo"))

    assert office.double.contents(ROOM) == [
        ("Ramona Bot", "I begin."),
        ("Parley", "**Theo:** I follow."),
    ]


async def test_an_echo_is_known_by_its_op(office):
    await office.start()
    op = office.op("Is it mine?")

    [remote_id] = await office.deliver(op)

    echo = (await until(lambda: office.sink.of("post")))[0]
    assert (echo.op_id, echo.remote_id) == (str(op.id), remote_id)
    assert echo.sender.is_bot


async def test_our_bots_words_from_elsewhere_are_no_events(office):
    await office.start()

    office.double.say(office.ramona, ROOM, "from a script")
    office.double.say(office.ada, ROOM, "from a person")

    await until(lambda: office.sink.texts())
    assert office.sink.texts() == ["from a person"]


@pytest.mark.parametrize("fault", ["502after", "500after", "resetafter", "hang"])
async def test_an_answer_that_is_lost_leaves_one_copy(office, fault):
    await office.start()
    office.double.fault(fault, seconds=0.9)

    ids = await office.deliver(office.op("Once only."))

    assert isinstance(office.results[0], Unknown)
    assert office.contents() == ["Once only."]
    assert ids == [str(max(office.double.messages))]
    assert office.double.count("POST messages") == 1


@pytest.mark.parametrize("fault", ["502", "reset"])
async def test_what_was_not_taken_is_sent_again_after_looking(office, fault):
    await office.start()
    office.double.fault(fault)

    await office.deliver(office.op("Twice tried."))

    assert [type(one) for one in office.results] == [Unknown, Missing, Sent]
    assert office.contents() == ["Twice tried."]


async def test_a_call_that_is_carried_out_late_leaves_one_copy(office):
    await office.start()
    office.double.fault("hangbefore", seconds=1.4)

    await office.deliver(office.op("Slow but once."))
    await asyncio.sleep(0.2)

    assert office.double.count("POST messages") == 1
    assert office.contents() == ["Slow but once."]


async def test_without_the_echo_the_history_tells(office):
    await office.start()
    office.double.fault("429", on="GET events", seconds=1.2, times=9)
    office.double.drop_queues()
    office.double.fault("502after")
    op = office.op("Look it up.")
    [part] = office.transport.render(op)

    lost = await office.transport.send(op, part)
    office.double.faults.clear()
    found = await office.transport.probe(op, part)

    assert isinstance(lost, Unknown)
    assert found == Landed(str(max(office.double.messages)))


async def test_after_a_restart_the_history_tells_what_landed(office):
    await office.start()
    landed, absent = office.op("It landed."), office.op("It did not.")
    office.double.post(office.ramona, 1, "moon/landing", "It landed.")
    await office.stop()
    transport = await office.start(cursor=office.sink.cursors[-1])

    found = await transport.probe(landed, transport.render(landed)[0])
    missing = await transport.probe(absent, transport.render(absent)[0])

    assert found == Landed(str(max(office.double.messages)))
    assert missing is Missing.ABSENT


async def test_what_a_dead_process_sent_may_be_stored_a_little_later(office):
    await office.start()
    op = office.op("Last words.")

    probing = asyncio.create_task(office.transport.probe(op, office.transport.render(op)[0]))
    await asyncio.sleep(0.1)
    number = office.double.post(office.ramona, 1, "moon/landing", "Last words.")

    assert await probing == Landed(str(number))


async def test_what_was_said_before_it_is_not_taken_for_it(office):
    await office.start()
    office.double.post(office.ramona, 1, "moon/landing", "Done.")
    op = office.op("Done.", said_at=datetime.now(UTC) + timedelta(minutes=5))

    found = await office.transport.probe(op, office.transport.render(op)[0])

    assert found is Missing.ABSENT


async def test_twins_cannot_be_told_apart(office):
    await office.start()
    for _ in range(2):
        office.double.post(office.ramona, 1, "moon/landing", "Yes.")
    op = office.op("Yes.")

    found = await office.transport.probe(op, office.transport.render(op)[0])

    assert found is Missing.CANNOT_TELL


async def test_a_twin_whose_op_is_known_is_not_taken_for_another(office):
    await office.start()
    await office.deliver(office.op("Yes."))
    second = office.op("Yes.")
    office.double.fault("502")

    await office.deliver(second)

    assert office.contents() == ["Yes.", "Yes."]
    assert Missing.ABSENT in office.results


async def test_a_refused_sending_is_to_be_tried_after_the_seconds_it_tells(office):
    await office.start()
    office.double.fault("429", seconds=1.5, by=office.ramona.email, times=1)
    first, second = office.op("Wait."), office.op("Meanwhile.", by="Theo")

    limited = await office.transport.send(first, office.transport.render(first)[0])
    other = await office.transport.send(second, office.transport.render(second)[0])

    assert isinstance(limited, Retry)
    assert limited.after_s == 1.5
    assert isinstance(other, Sent)
    assert office.double.count("POST messages") == 2


async def test_a_server_that_is_away_surely_did_not_take_it(office):
    await office.start()
    office.double.stop()
    double = office.double
    op = office.op()

    result = await Zulip(office.account(), WAITS).send(op, office.transport.render(op)[0])

    assert isinstance(result, Retry)
    assert double.messages == {}


@pytest.mark.parametrize(
    ("by", "scope"), [("Ramona", "actor"), ("Theo", "account")], ids=["own bot", "main bot"]
)
async def test_a_key_that_is_refused_stops_whose_key_it_is(office, by, scope):
    await office.start()
    user = office.ramona if by == "Ramona" else office.main
    user.key = "another"
    op = office.op(by=by)

    result = await office.transport.send(op, office.transport.render(op)[0])

    assert isinstance(result, Rejected)
    assert (result.code, result.scope) == ("INVALID_API_KEY", scope)
    assert "key-of" not in repr(result)


async def test_a_stream_that_is_not_there_is_the_rooms_trouble(office):
    await office.start()
    office.double.streams.clear()
    op = office.op()

    result = await office.transport.send(op, office.transport.render(op)[0])

    assert isinstance(result, Rejected)
    assert (result.code, result.scope) == ("STREAM_DOES_NOT_EXIST", "channel")


async def test_a_room_nobody_bound_is_refused_without_asking(office):
    await office.start()
    op = office.op(room="apollo/other")

    result = await office.transport.send(op, office.transport.render(op)[0])

    assert isinstance(result, Rejected)
    assert result.scope == "channel"
    assert office.double.count("POST messages") == 0


async def test_edits_and_reactions_and_deletions_reach_their_message(office):
    await office.start()
    [remote_id] = await office.deliver(office.op("Frist"))
    target = Quoted(remote_ids=(remote_id,), author="Ramona", text="Frist")

    await office.deliver(office.op("First", kind="edit", target=target))
    await office.deliver(office.op(kind="react", emoji="👍", target=target))
    again = await office.deliver(office.op(kind="react", emoji="👍", target=target))
    assert office.contents() == ["First"]
    assert office.double.reactions == {(office.ramona.id, int(remote_id), "+1")}
    await office.deliver(office.op(kind="unreact", emoji="👍", target=target))
    await office.deliver(office.op(kind="delete", target=target))
    gone = await office.deliver(office.op(kind="delete", target=target))

    assert again == [""]
    assert office.double.reactions == set()
    assert office.contents() == []
    assert gone == [""]
    await asyncio.sleep(0.1)
    assert [one.kind for one in office.sink.events] == ["post"]


async def test_a_long_text_arrives_complete_in_parts(office):
    await office.start()
    text = "👩‍👩‍👧é漢" * 3_000  # no spaces, more than two messages

    ids = await office.deliver(office.op(text))

    assert len(ids) == len(office.contents()) == 3
    assert "".join(office.contents()) == text
    echoes = await until(lambda: len(office.sink.of("post")) == 3 and office.sink.of("post"))
    assert len({one.op_id for one in echoes}) == 1


async def test_nobody_is_pinged_and_no_command_is_run(office):
    await office.start()

    await office.deliver(office.op("/poll Lunch?\nyes @**all** @all"))

    [content] = office.contents()
    assert not content.startswith("/")
    assert "@**all**" not in content
    assert "@all" not in content
    assert content.replace("\u200b", "") == "/poll Lunch?\nyes @**all** @all"


async def test_a_hundred_posts_of_five_keep_their_order(office):
    await office.start()
    names = ("Ramona", "Theo", "Ines", "Pavel", "Uma")
    ops = [office.op(f"number {n}", by=names[n % 5]) for n in range(100)]
    started = time.monotonic()

    for op in ops:
        await office.deliver(op)

    said = [content.rpartition("number ")[2] for content in office.contents()]
    assert said == [str(n) for n in range(100)]
    echoes = await until(lambda: len(office.sink.of("post")) == 100 and office.sink.of("post"))
    assert [one.op_id for one in echoes] == [str(op.id) for op in ops]
    assert time.monotonic() - started < 10


async def test_hostile_characters_arrive_as_replacements_at_once(office):
    await office.start()

    await office.deliver(office.op("a\x00b\r\x01\x1bc\u0085\u2028\u202ed\ud800", by="Theo"))

    assert office.contents() == ["**Theo:** a\ufffdb\n\ufffd\ufffdc\n\nd\ufffd"]
    assert office.double.count("POST messages") == 1
