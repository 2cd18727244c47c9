"""The application service refused: put out of rooms, without a device, a token, a homeserver."""

import logging

import pytest

from transports.base import Rejected, Retry, Sent

from .fake import OWN, Fake
from .helping import AS_TOKEN, HS_TOKEN, Running, account, op, until

ADA = "@parley_ada:localhost"


async def test_a_private_room_invites_the_puppet_but_one_put_out_waits(fake: Fake) -> None:
    room = fake.rooms["!r:localhost"]
    room.is_public, room.members = False, {OWN: "invite"}
    async with Running(account(fake.url)) as running:
        await running.up()
        assert isinstance((await running.say(op()))[0], Sent)

        room.members[ADA] = "leave"
        refused = [(await running.say(op()))[0] for _ in range(2)]
        assert [getattr(one, "scope", one) for one in refused] == ["channel", "channel"]
        assert room.members[ADA] == "leave"

        room.members[ADA] = "invite"
        assert isinstance((await running.say(op()))[0], Sent)


async def test_a_puppet_put_out_of_a_public_room_does_not_sneak_back(fake: Fake) -> None:
    async with Running(account(fake.url)) as running:
        await running.up()
        await running.say(op())
        fake.rooms["!r:localhost"].members[ADA] = "leave"

        refused = [(await running.say(op()))[0] for _ in range(3)]

    assert all(isinstance(one, Rejected) for one in refused)
    assert fake.rooms["!r:localhost"].members[ADA] == "leave"


async def test_a_puppet_that_may_have_no_name_speaks_without(fake: Fake) -> None:
    fake.names_users = False
    async with Running(account(fake.url)) as running:
        await running.up()

        assert isinstance((await running.say(op()))[0], Sent)

    assert fake.users[ADA] == ""


async def test_a_lost_device_is_made_again(fake: Fake) -> None:
    async with Running(account(fake.url)) as running:
        await running.up()
        await running.say(op())
        fake.devices.discard(f"{ADA} PARLEY")

        (first,) = await running.say(op())
        (second,) = await running.say(op())

    assert isinstance(first, Retry)
    assert isinstance(second, Sent)


async def test_a_revoked_token_parks_the_account_and_a_good_one_resumes(fake: Fake) -> None:
    async with Running(account(fake.url)) as running:
        await running.up()
        await running.say(op("before"))
        del fake.tokens[AS_TOKEN]

        (result,) = await running.say(op("refused"))
        assert isinstance(result, Rejected)
        assert (result.code, result.scope) == ("M_UNKNOWN_TOKEN", "account")
        await until(lambda: len(running.wait.slept) >= 5)
        asked, steps = len(fake.asked_at), len(running.wait.slept)
        again = [(await running.say(op()))[0] for _ in range(5)]
        assert again == [result] * 5
        await until(lambda: len(running.wait.slept) >= steps + 5)
        assert len(fake.asked_at) - asked <= len(running.wait.slept) - steps + 1

        fake.tokens[AS_TOKEN] = ""
        await running.up()
        assert isinstance((await running.say(op("after")))[0], Sent)

    assert fake.bodies() == ["before", "after"]
    states = [state for state, _ in running.sink.states]
    assert "refused" in states
    assert states[-1] == "connected"
    assert running.wait.slept[:8] == sorted(running.wait.slept[:8])


async def test_a_homeserver_that_goes_away_is_waited_for(fake: Fake) -> None:
    async with Running(account(fake.url)) as running:
        await running.up()
        port = int(fake.url.rpartition(":")[2])
        await fake.stop()

        results = [(await running.say(op()))[0] for _ in range(2)]

        assert all(isinstance(one, Retry) for one in results), results
        await until(lambda: running.sink.states[-1][0] in {"waiting", "connecting"})
        await fake.start(port)
        await running.up()
        assert isinstance((await running.say(op("back")))[0], Sent)


async def test_who_may_not_speak_is_refused_for_the_channel(fake: Fake) -> None:
    async with Running(account(fake.url)) as running:
        await running.up()
        fake.rooms["!r:localhost"].silenced.add(ADA)

        (result,) = await running.say(op())

    assert isinstance(result, Rejected)
    assert (result.code, result.scope) == ("M_FORBIDDEN", "channel")


async def test_no_secret_is_logged_or_told(fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Running(account(fake.url, rooms=("#none:localhost",))) as running:
        await running.up()
        del fake.tokens[AS_TOKEN]
        await running.say(op())
        await until(lambda: running.wait.slept)

    told = caplog.text + repr(running.sink.states) + repr(running.matrix)
    assert AS_TOKEN not in told
    assert HS_TOKEN not in told
