"""The same against InspIRCd and ngIRCd, as they come with Debian."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from transports.base import Missing, Sent, Unknown

from .conftest import QUICK, Running, Start, op, until
from .programs import Cable, Peer, Program

pytestmark = pytest.mark.live
SLOW = replace(QUICK, enter_s=20.0, join_s=20.0, answer_s=20.0)
PATIENCE_S = 60
Launch = Callable[..., Awaitable[Program]]


@pytest_asyncio.fixture(params=["inspircd", "ngircd"])
async def program(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Program]:
    made = Program(request.param, tmp_path)
    yield await made.opened()
    made.stop()


@pytest_asyncio.fixture
async def inspircd(tmp_path: Path) -> AsyncIterator[Launch]:
    """Start InspIRCd: `await inspircd(most=3)` takes three connections."""
    opened: list[Program] = []

    async def launch(most: int = 50) -> Program:
        opened.append(Program("inspircd", tmp_path, most))
        return await opened[-1].opened()

    yield launch
    for one in opened:
        one.stop()


@pytest_asyncio.fixture
async def cable(program: Program) -> AsyncIterator[Cable]:
    made = await Cable(program.port).laid()
    yield made
    await made.away()


@pytest_asyncio.fixture
async def ada(program: Program) -> AsyncIterator[Peer]:
    made = await Peer(program.port, "ada").come()
    yield made
    await made.go()


def connected(running: Running) -> bool:
    return bool(running.kept.states) and running.kept.states[-1][0] == "connected"


async def test_both_sides_hear_each_other(program: Program, ada: Peer, start: Start):
    running = await start(program, timing=SLOW)

    results = await running.say(op("Hello\nthere"))
    ada.send("PRIVMSG #project :Good morning")
    await until(lambda: "Good morning" in running.kept.texts)
    await ada.until("there")

    assert ada.heard() == ["<Mina> Hello", "<Mina> there"]
    assert all(isinstance(result, Sent) for result in results)
    assert all(result.remote_id for result in results) == (program.name == "inspircd")  # type: ignore[union-attr]
    assert running.kept.texts == ["Good morning"]


async def test_a_cut_before_the_answer_leaves_one_copy(
    program: Program, cable: Cable, ada: Peer, start: Start
):
    running = await start(cable, timing=SLOW)
    said = op("only once")
    (part,) = running.irc.render(said)

    cable.keeps_answers = True
    sending = asyncio.create_task(running.irc.send(said, part))
    await ada.until("only once")
    cable.cut()
    result = await sending
    await until(lambda: len(running.kept.states) > 3 and connected(running), PATIENCE_S)

    assert isinstance(result, Unknown)
    assert await running.irc.probe(said, part) == Missing.CANNOT_TELL
    assert ada.heard() == ["<Mina> only once"]
    assert isinstance(await running.irc.send(said, part), Sent)  # a person decides to


async def test_bad_input_harms_nothing(program: Program, ada: Peer, start: Start):
    running = await start(program, timing=SLOW)
    bob = await Peer(program.port, "bob").come()

    ada.raw(b"PRIVMSG #project :caf\xe9 \x02\x03\x1b\r\n \r\nPRIVMSG #project\r\n")
    bob.send("QUIT")
    ada.send("PRIVMSG #project :still here")
    await until(lambda: "still here" in running.kept.texts, PATIENCE_S)
    await bob.go()

    assert running.kept.texts[0].startswith("caf\ufffd")
    assert [state for state, _ in running.kept.states].count("connecting") == 1


async def test_a_taken_nick_is_regained(program: Program, start: Start):
    holder = await Peer(program.port, "parley").come()
    running = await start(program, timing=replace(SLOW, regain_s=5.0))
    assert running.kept.states[-1][1].startswith("as parley_1")

    holder.send("QUIT")

    await until(lambda: running.kept.states[-1] == ("connected", ""), PATIENCE_S)
    await holder.go()


async def test_a_flood_gets_nobody_thrown_out(program: Program, ada: Peer, start: Start):
    rooms = ("#project", "#one", "#two", "#three")
    running = await start(program, timing=SLOW, rooms=rooms)

    async def lane(room: str) -> list[object]:
        return [(await running.say(op("x" * 350, room=room)))[0] for _ in range(10)]

    results = await asyncio.gather(*(lane(room) for room in rooms))

    assert all(isinstance(result, Sent) for lane in results for result in lane)
    await until(lambda: len(ada.heard()) == 10)
    assert [state for state, _ in running.kept.states] == ["connecting", "connected"]


async def test_a_stopped_server_is_left_and_found_again(program: Program, ada: Peer, start: Start):
    timing = replace(SLOW, ping_after_s=1.0, drop_after_s=2.5)
    running = await start(program, timing=timing)

    program.pause()
    (result,) = await running.say(op("while it slept"))
    await until(lambda: ("waiting", "the server fell silent") in running.kept.states)
    program.resume()
    await until(lambda: connected(running), PATIENCE_S)
    await running.say(op("awake"))
    await ada.until("awake")

    assert isinstance(result, Unknown)
    assert ada.heard().count("<Mina> while it slept") <= 1
    assert ada.heard()[-1] == "<Mina> awake"


async def test_a_limit_of_connections_is_lived_with(inspircd: Launch, start: Start):
    program = await inspircd(most=3)
    running = await start(program, timing=SLOW, identities="connections")
    ada = await Peer(program.port, "ada").come()

    for name in ("Mina", "Rhea", "Joan"):
        assert isinstance((await running.say(op("Hi", name=name)))[0], Sent)
    await ada.until("<Joan> Hi")

    assert ada.heard() == ["Hi", "<Rhea> Hi", "<Joan> Hi"]
    await ada.go()


async def test_a_replay_on_joining_wakes_nobody(inspircd: Launch, start: Start):
    program = await inspircd()
    cable = await Cable(program.port).laid()
    ada = await Peer(program.port, "ada").come()
    ada.send("MODE #project +H 10:1h", "PRIVMSG #project :old")
    await ada.until(r" MODE #project \+H")
    await asyncio.sleep(4)  # replays are known by times, which are of whole seconds

    running = await start(cable, timing=SLOW)
    ada.send("PRIVMSG #project :new")
    await until(lambda: running.kept.texts)
    cable.cut()
    await until(lambda: len(running.kept.states) > 3 and connected(running), PATIENCE_S)
    ada.send("PRIVMSG #project :newer")
    await until(lambda: "newer" in running.kept.texts)

    assert running.kept.texts == ["new", "newer"]
    await ada.go()
    await running.stop()
    await cable.away()
