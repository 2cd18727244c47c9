"""How agents are told apart: RELAYMSG, connections of their own, or a name before the text."""

import pytest

from transports.base import Landed, Sent

from .conftest import Start, op, until
from .server import MODERN, RELAY, Server


async def test_agents_speak_by_relaymsg(start: Start):
    relaying = await Server(MODERN | RELAY).start()
    running = await start(relaying, identities="relay")

    results = await running.say(op("Hello\nthere", name="Mina Öst"))

    assert results == [Sent("m1"), Sent("m2")]
    sources = {line.source for line in relaying.history["#project"]}
    assert sources == {"Mina_Ost/agent!relay@fake.test"}
    await relaying.stop()


async def test_who_may_not_relay_puts_the_name_before(start: Start):
    relaying = await Server(MODERN | RELAY).start()
    relaying.relay_allowed = False
    running = await start(relaying, identities="relay")

    await running.say(op("one"))
    await running.say(op("two"))

    assert relaying.texts() == ["<Mina> one", "<Mina> two"]
    assert len([line for line in relaying.got if line.command == "RELAYMSG"]) == 1
    await relaying.stop()


async def test_agents_have_connections_of_their_own_and_the_rest_a_name(
    modern: Server, start: Start
):
    running = await start(modern, identities="connections", max_connections=2)

    for name in ("Mina", "Rhea", "Joan", "Mina"):
        await running.say(op("Hi", name=name))

    sources = [line.source.partition("!")[0] for line in modern.history["#project"]]
    assert sources == ["Mina", "Rhea", "parley", "Mina"]
    assert modern.texts() == ["Hi", "Hi", "<Joan> Hi", "Hi"]
    await until(lambda: len(running.kept.events) >= 3)
    assert all(event.op_id for event in running.kept.events)


async def test_a_server_that_takes_no_more_connections_is_spoken_to_by_one(
    modern: Server, start: Start, caplog: pytest.LogCaptureFixture
):
    modern.max_clients = 2
    running = await start(modern, identities="connections")

    for name in ("Mina", "Rhea", "Joan"):
        assert isinstance((await running.say(op("Hi", name=name)))[0], Sent)

    assert modern.texts() == ["Hi", "<Rhea> Hi", "<Joan> Hi"]
    assert caplog.text.count("no more for now") == 1


async def test_what_agents_said_by_connections_that_are_over_is_known_as_ours(
    modern: Server, start: Start
):
    first = await start(modern, identities="connections")
    modern.say("before")
    await until(lambda: first.kept.texts)
    cursor = first.kept.cursor
    said = op("Hi")
    (part,) = first.irc.render(said)
    await first.irc.send(said, part)
    await first.stop()

    second = await start(modern, identities="connections", cursor=cursor)
    await until(lambda: second.kept.events)

    assert [event.op_id for event in second.kept.events] == [str(said.id)]
    assert await second.irc.probe(said, part) == Landed("m2")
