"""The transport with a real Synapse."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from transports.base import Account, Landed, Rejected, Retry, Sent, Speaker, Unknown

from .helping import Running, account, op, quoted, until
from .living import Hub, World
from .synapse import Person, Synapse

pytestmark = pytest.mark.live
LIMITS = {"per_second": 0.2, "burst_count": 10}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    hub = Hub()
    synapse = Synapse(tmp_path, limits=LIMITS)
    synapse.write(account(), f"http://127.0.0.1:{hub.port}/matrix/moon")
    made = World(synapse, hub)
    await hub.start()
    try:
        await synapse.start()
        made.person = await synapse.person("bob")
        made.room = await made.person.room("@parley:localhost")
        yield made
    finally:
        synapse.stop()
        await hub.stop()


async def test_an_application_service_is_not_limited_and_speaks_as_puppets(world: World) -> None:
    async with world.running() as running:
        await running.up()
        names = ["Ada", "grace", "Émile"]
        ops = [
            op(f"number {n}", room=world.room, speaker=Speaker(name=names[n % 3], is_bot=True))
            for n in range(30)
        ]

        results = [(await running.say(one))[0] for one in ops]

        assert all(isinstance(result, Sent) for result in results), results
        said = await world.person.messages(world.room)
        assert [one["content"]["body"] for one in said] == [f"number {n}" for n in range(30)]
        assert [one["sender"] for one in said[:3]] == [
            "@parley_ada:localhost",
            "@parley_grace:localhost",
            "@parley_=c3=a9mile:localhost",
        ]
        profile = "/_matrix/client/v3/profile/" + quote("@parley_ada:localhost")
        assert (await world.person.ask("GET", profile))["displayname"] == "Ada"
        await until(lambda: len(world.hub.sink.events) == 30)
        assert [one.op_id for one in world.hub.sink.events] == [str(one.id) for one in ops]


async def test_a_repeat_after_a_kill_is_the_same_event(world: World) -> None:
    one = op("once", room=world.room)
    async with world.running() as running:
        await running.up()
        (first,) = await running.say(one)
    world.synapse.stop(signal.SIGKILL)
    await world.synapse.start()

    async with world.running() as running:
        await running.up()
        found = await running.matrix.probe(one, running.part(one))

    assert isinstance(first, Sent)
    assert found == Landed(first.remote_id)
    said = await world.person.messages(world.room)
    assert [one["content"]["body"] for one in said] == ["once"]


async def test_a_kill_in_a_burst_loses_and_doubles_nothing(world: World) -> None:
    ops = [op(f"number {number}", room=world.room) for number in range(60)]

    async def lane(running: Running) -> None:
        for one in ops:
            part = running.part(one)
            result: object = await running.matrix.send(one, part)
            while not isinstance(result, Sent | Landed):
                await running.matrix.ready()
                if isinstance(result, Unknown):
                    result = await running.matrix.probe(one, part)
                else:
                    await asyncio.sleep(0.1)
                    result = await running.matrix.send(one, part)

    async with world.running() as running:
        await running.up()
        sending = asyncio.create_task(lane(running))
        for _ in range(2):
            landed = len(world.hub.sink.events)
            await until(lambda so_far=landed: len(world.hub.sink.events) >= so_far + 10)
            world.synapse.stop(signal.SIGKILL)
            await world.synapse.start()
        await asyncio.wait_for(sending, 60)

    said = await world.person.messages(world.room)
    assert [one["content"]["body"] for one in said] == [one.text for one in ops]


async def test_events_come_once_past_failures_and_a_restart_that_counts_anew(world: World) -> None:
    async with world.running() as running:
        await running.up()
        world.hub.fails = 2
        await world.person.say(world.room, "t1", "before")
        await until(lambda: "before" in world.hub.sink.texts)
        world.synapse.stop(signal.SIGTERM)
        await world.synapse.start()

        await world.person.say(world.room, "t2", "after")

        await until(lambda: "after" in world.hub.sink.texts)
        assert world.hub.sink.texts == ["before", "after"]
        assert world.hub.fails == 0


async def test_nothing_is_sent_into_a_room_once_it_is_encrypted(world: World) -> None:
    async with world.running() as running:
        await running.up()
        await running.say(op("in the open", room=world.room))
        state = "state/m.room.encryption"
        algorithm = {"algorithm": "m.megolm.v1.aes-sha2"}
        await world.person.in_room("PUT", world.room, state, algorithm)

        (result,) = await running.say(op("a secret", room=world.room))

        assert isinstance(result, Rejected)
        assert (result.code, result.scope) == ("parley.encrypted", "channel")
        said = await world.person.messages(world.room)
        assert [one["content"]["body"] for one in said] == ["in the open"]
        await until(lambda: world.hub.sink.gaps)


async def test_a_reaction_twice_is_a_success_and_can_be_taken_back(world: World) -> None:
    event_id = await world.person.say(world.room, "t1", "shall we?")
    facts = {"room": world.room, "target": quoted(event_id), "emoji": "👍"}
    relations = f"/_matrix/client/v1/rooms/{world.room}/relations/{event_id}/m.annotation"
    async with world.running() as running:
        await running.up()

        twice = [(await running.say(op(kind="react", **facts)))[0] for _ in range(2)]

        assert all(isinstance(result, Sent) for result in twice), twice
        assert len((await world.person.ask("GET", relations))["chunk"]) == 1
        (back,) = await running.say(op(kind="unreact", **facts))
        assert isinstance(back, Sent)
        assert (await world.person.ask("GET", relations))["chunk"] == []


async def test_a_puppet_put_out_waits_to_be_invited_again(world: World) -> None:
    puppet = {"user_id": "@parley_ada:localhost"}
    async with world.running() as running:
        await running.up()
        await running.say(op("here", room=world.room))
        await world.person.in_room("POST", world.room, "kick", puppet)

        refused = [(await running.say(op("let me in", room=world.room)))[0] for _ in range(2)]

        assert [getattr(result, "scope", result) for result in refused] == ["channel"] * 2
        await world.person.in_room("POST", world.room, "invite", puppet)
        (result,) = await running.say(op("again here", room=world.room))
        assert isinstance(result, Sent)


async def test_edits_replace_deletions_redact_and_long_texts_arrive_whole(world: World) -> None:
    async with world.running() as running:
        await running.up()
        long = "é" * 35_000
        ids = tuple(
            result.remote_id
            for result in await running.say(op(long, room=world.room))
            if isinstance(result, Sent)
        )
        said = await world.person.messages(world.room)
        assert "".join(one["content"]["body"] for one in said) == long

        edit = op("short", kind="edit", room=world.room, target=quoted(*ids))
        assert all(isinstance(result, Sent) for result in await running.say(edit))

        delete = op("", kind="delete", room=world.room, target=quoted(*ids))
        assert all(isinstance(result, Sent) for result in await running.say(delete))
        said = await world.person.messages(world.room)
        assert [one["content"] for one in said if one["event_id"] in ids] == [{}] * len(ids)


async def robot(world: World, *, cursor: str | None = None) -> Account:
    """Make a plain user that is invited to the room; again gives the same one."""
    if not world.bot_token:
        world.bot_token = (await world.synapse.person("robot")).token
        await world.person.in_room("POST", world.room, "invite", {"user_id": "@robot:localhost"})
    facts = {"mode": "bot", "user": "@robot:localhost", "rooms": (world.room,)}
    made = account(world.synapse.url, cursor=cursor, **facts)
    return replace(made, secrets={"access_token": world.bot_token})


async def test_a_bot_reads_what_was_said_while_it_was_away(world: World) -> None:
    async with Running(await robot(world)) as running:
        await until(lambda: running.sink.cursors)
        cursor = running.sink.cursors[-1]
    async with world.running() as running:
        await running.up()
        for number in range(120):
            await running.say(op(f"number {number}", room=world.room))
    wanted = [f"number {number}" for number in range(120)]

    async with Running(await robot(world, cursor=cursor)) as running:
        await until(lambda: len(running.sink.events) >= 120)

        assert running.sink.texts == wanted
        assert running.sink.gaps == []
    async with Running(await robot(world, cursor="nonsense")) as running:
        await until(lambda: len(running.sink.events) >= 120)

        assert running.sink.texts == wanted
        assert [room for room, _ in running.sink.gaps] == [world.room]


async def test_a_plain_bot_is_as_slow_as_it_is_told(world: World) -> None:
    ops = [op(f"number {number}", room=world.room) for number in range(12)]
    limited = 0
    async with Running(await robot(world)) as running:
        await running.up()
        for one in ops:
            while not isinstance(result := (await running.say(one))[0], Sent):
                assert isinstance(result, Retry)
                limited += 1
                await asyncio.sleep(result.after_s)

    said = await world.person.messages(world.room)
    assert [one["content"]["body"] for one in said] == [f"**Ada:** {one.text}" for one in ops]
    assert 1 <= limited <= 4


async def test_a_revoked_token_is_not_asked_with_again_and_again(world: World) -> None:
    made = await robot(world)
    async with Running(made) as running:
        await until(lambda: running.sink.cursors)
        await Person(world.synapse.url, world.bot_token).ask(
            "POST", "/_matrix/client/v3/logout", {}
        )

        (result,) = await running.say(op("refused", room=world.room))
        await until(lambda: running.wait.slept)

        assert isinstance(result, Rejected)
        assert result.scope == "account"
        assert running.sink.states[-1][0] == "refused"
