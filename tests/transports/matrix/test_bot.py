"""The transport as one plain bot: its reading, and a speed that the homeserver sets."""

import asyncio
import time
from typing import Any

import pytest

from transports.base import Account, Rejected, Retry, Sent

from .fake import BOT, Fake, Refusal
from .helping import BOT_TOKEN, Running, account, op, until


def bot(fake: Fake, **others: Any) -> Account:
    return account(fake.url, mode="bot", user=BOT, **others)


async def first_cursor(fake: Fake) -> str:
    """Let a bot read once; gives how far it came."""
    async with Running(bot(fake)) as running:
        await until(lambda: running.sink.cursors)
        cursor = running.sink.cursors[-1]
    assert cursor
    return cursor


async def test_reading_begins_now_and_goes_on_in_order(fake: Fake) -> None:
    fake.say("long ago")
    async with Running(bot(fake)) as running:
        await until(lambda: running.sink.cursors)

        for number in range(20):
            fake.say(f"number {number}")
            await asyncio.sleep(0)
        await until(lambda: len(running.sink.events) == 20)

    assert running.sink.texts == [f"number {number}" for number in range(20)]
    assert {one.room for one in running.sink.events} == {"!r:localhost"}
    assert running.sink.cursors[-1] == f"s{len(fake.events)}"


@pytest.mark.parametrize("missed", [30, 500, 1_203])
async def test_what_was_missed_is_stored_once_and_in_order(fake: Fake, missed: int) -> None:
    cursor = await first_cursor(fake)
    for number in range(missed):
        fake.say(f"number {number}")

    async with Running(bot(fake, cursor=cursor)) as running:
        await until(lambda: len(running.sink.events) >= missed)
        fake.say("live")
        await until(lambda: running.sink.texts[-1] == "live")

    assert running.sink.texts == [*(f"number {number}" for number in range(missed)), "live"]
    assert running.sink.gaps == []
    before_last = running.sink.cursors[:-2]
    assert set(before_last) <= {cursor}, "the cursor went on before all was stored"


async def test_a_limit_while_reading_back_is_waited_for(fake: Fake) -> None:
    cursor = await first_cursor(fake)
    for number in range(200):
        fake.say(f"number {number}")
    for name in ("sync", "messages"):
        fake.refusals[name] = Refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=1_234)

    async with Running(bot(fake, cursor=cursor)) as running:
        await until(lambda: len(running.sink.events) == 200)

    assert running.sink.texts == [f"number {number}" for number in range(200)]
    assert running.wait.slept[:2] == [1.234, 1.234]


async def test_trouble_while_reading_back_gives_nothing_by_halves(fake: Fake) -> None:
    cursor = await first_cursor(fake)
    for number in range(200):
        fake.say(f"number {number}")
    fake.refusals["messages"] = Refusal(503, "M_UNKNOWN")

    async with Running(bot(fake, cursor=cursor)) as running:
        await until(lambda: len(running.sink.events) == 200)

    assert running.sink.texts == [f"number {number}" for number in range(200)]
    assert ("waiting", "the homeserver answered 503 M_UNKNOWN") in running.sink.states


async def test_what_cannot_be_read_back_any_more_is_a_gap(fake: Fake) -> None:
    cursor = await first_cursor(fake)
    for number in range(200):
        fake.say(f"number {number}")
    fake.refusals["messages"] = Refusal(403, "M_FORBIDDEN")

    async with Running(bot(fake, cursor=cursor)) as running:
        await until(lambda: running.sink.events)

    assert running.sink.texts == [f"number {number}" for number in range(150, 200)]
    assert [room for room, _ in running.sink.gaps] == ["!r:localhost"]


async def test_a_sending_that_finds_the_token_revoked_ends_the_poll(fake: Fake) -> None:
    async with Running(bot(fake)) as running:
        await until(lambda: running.sink.cursors)
        await running.up()
        del fake.tokens[BOT_TOKEN]

        (result,) = await running.say(op())

        assert isinstance(result, Rejected)
        await until(lambda: running.wait.slept)
        fake.tokens[BOT_TOKEN] = BOT
        await until(lambda: running.sink.states[-1] == ("connected", ""))
        assert isinstance((await running.say(op("again")))[0], Sent)


async def test_an_unknown_cursor_reads_the_last_day_again_and_notes_a_gap(fake: Fake) -> None:
    cursor = await first_cursor(fake)
    for number in range(80):
        fake.say(f"number {number}")
    fake.known_since = 1

    async with Running(bot(fake, cursor=cursor)) as running:
        await until(lambda: running.sink.cursors)
        fake.say("live")
        await until(lambda: "live" in running.sink.texts)

    assert running.sink.texts == [*(f"number {number}" for number in range(80)), "live"]
    assert [room for room, _ in running.sink.gaps] == ["!r:localhost"]


async def test_a_store_that_fails_is_given_the_same_again(fake: Fake) -> None:
    cursor = await first_cursor(fake)
    fake.say("precious")
    failing = Running(bot(fake, cursor=cursor))
    failing.sink.fails = 1

    with pytest.raises(ConnectionError):
        await failing.matrix.run(failing.sink)
    async with Running(bot(fake, cursor=cursor)) as running:
        await until(lambda: running.sink.events)

    assert failing.sink.cursors == []
    assert running.sink.texts == ["precious"]


async def test_a_revoked_token_is_asked_once_a_step_and_reading_resumes(fake: Fake) -> None:
    async with Running(bot(fake)) as running:
        await until(lambda: running.sink.cursors)
        del fake.tokens[BOT_TOKEN]
        fake.say("in between")
        await until(lambda: len(running.wait.slept) >= 3)
        asked, steps = len(fake.asked_at), len(running.wait.slept)
        await until(lambda: len(running.wait.slept) >= steps + 5)
        assert len(fake.asked_at) - asked <= len(running.wait.slept) - steps + 1
        (held,) = await running.say(op())
        assert isinstance(held, Rejected)
        assert held.scope == "account"

        fake.tokens[BOT_TOKEN] = BOT
        await until(lambda: running.sink.events)

    assert running.sink.texts == ["in between"]
    assert ("refused", "M_UNKNOWN_TOKEN M_UNKNOWN_TOKEN it is") in running.sink.states


async def test_a_token_of_another_user_is_refused(fake: Fake) -> None:
    fake.tokens[BOT_TOKEN] = "@somebody:localhost"
    async with Running(bot(fake)) as running:
        await until(lambda: running.wait.slept)

    assert running.sink.states[-1][0] == "refused"


async def test_the_speed_is_learnt_and_one_request_fills_one_slot(fake: Fake) -> None:
    fake.slot_s = 0.15
    ops = [op(f"number {number}") for number in range(8)]
    limited = 0
    async with Running(bot(fake)) as running:
        await running.up()
        for one in ops:
            while True:
                (result,) = await running.say(one)
                if isinstance(result, Sent):
                    break
                assert isinstance(result, Retry)
                assert isinstance((await running.say(one))[0], Retry)
                limited += 1
                await asyncio.sleep(result.after_s)
        rate = running.matrix.caps().rate_per_s

    assert fake.bodies() == [f"**Ada:** number {number}" for number in range(8)]
    assert limited
    assert fake.calls["send"] <= len(ops) + limited
    assert rate <= 5.0
    assert running.matrix.caps().burst == 1


async def test_its_own_messages_come_back_with_their_op(fake: Fake) -> None:
    one = op("hello")
    async with Running(bot(fake)) as running:
        await until(lambda: running.sink.cursors)
        await running.up()
        await running.say(one)
        await until(lambda: running.sink.events)

    assert [(event.op_id, event.text) for event in running.sink.events] == [
        (str(one.id), "**Ada:** hello")
    ]


async def test_encryption_is_noted_and_ends_all_sending(fake: Fake) -> None:
    async with Running(bot(fake)) as running:
        await until(lambda: running.sink.cursors)
        fake.encrypt()
        await until(lambda: running.sink.gaps)
        asked = fake.calls["send"]

        (result,) = await running.say(op())

    assert isinstance(result, Rejected)
    assert result.code == "parley.encrypted"
    assert fake.calls["send"] == asked


async def test_a_bot_put_out_waits_to_be_invited_again(fake: Fake) -> None:
    room = fake.rooms["!r:localhost"]
    async with Running(bot(fake)) as running:
        await running.up()
        room.members[BOT] = "leave"
        refused = [(await running.say(op()))[0] for _ in range(2)]
        room.members[BOT] = "invite"
        (result,) = await running.say(op())

    assert [getattr(one, "scope", one) for one in refused] == ["channel", "channel"]
    assert isinstance(result, Sent)


async def test_an_idle_bot_waits_in_its_poll(fake: Fake) -> None:
    async with Running(bot(fake)) as running:
        await until(lambda: running.sink.cursors)
        began, asked = time.monotonic(), fake.calls["sync"]
        await asyncio.sleep(0.5)

    assert time.monotonic() - began >= 0.5
    assert fake.calls["sync"] - asked <= 1
