"""Sending: how each kind of server says that it has a line, and what is done when it does not."""

import asyncio

import pytest

from transports.base import Landed, Missing, Quoted, Rejected, Retry, Sent, Unknown
from transports.irc.client.lines import ID_TAG

from .conftest import Start, op, until
from .server import Server

QUOTED = Quoted(remote_ids=("m1",), author="Ada", text="Shall we land?")


async def test_a_plain_server_has_it_when_no_error_comes_before_the_pong(
    server: Server, start: Start
):
    running = await start(server)

    results = await running.say(op("Hello\nthere"))

    assert results == [Sent(""), Sent("")]
    assert server.texts() == ["<Mina> Hello", "<Mina> there"]


async def test_a_server_without_cap_is_enough(server: Server, start: Start):
    server.knows_cap = False
    running = await start(server)

    assert await running.say(op()) == [Sent("")]


async def test_a_plain_servers_refusal_is_known_by_the_fence(server: Server, start: Start):
    server.mute.add("#project")
    running = await start(server, rooms=("#project", "#other"))

    muted, heard = await asyncio.gather(running.say(op()), running.say(op("Hello", room="#other")))

    assert muted == [Rejected("404", "Cannot send to channel", "channel")]
    assert heard == [Sent("")]


async def test_the_labelled_echo_is_the_acknowledgement(modern: Server, start: Start):
    running = await start(modern)
    said = op("Hello")

    results = await running.say(said)

    assert results == [Sent("m1")]
    assert modern.history["#project"][0].tags[ID_TAG] == f"{said.id}.0"


async def test_a_labelled_error_is_a_refusal(modern: Server, start: Start):
    modern.mute.add("#project")
    running = await start(modern)

    assert await running.say(op()) == [Rejected("404", "Cannot send to channel", "channel")]


async def test_a_room_that_lets_nobody_in_refuses(modern: Server, start: Start):
    modern.banned.add("#secret")
    running = await start(modern)

    results = await running.say(op(room="#secret"))

    assert results == [Rejected("474", "Cannot join channel (+b)", "channel")]


async def test_several_lines_are_one_message_where_there_is_multiline(modern: Server, start: Start):
    running = await start(modern)
    text = "\n".join(f"line {number}" for number in range(9))

    results = await running.say(op(text))

    assert results == [Sent("m1"), Sent(""), Sent(""), Sent("")]
    assert modern.texts() == ["<Mina> " + text]


async def test_what_is_over_the_servers_limit_is_its_head_and_a_link(modern: Server, start: Start):
    modern.caps["draft/multiline"] = "max-bytes=40,max-lines=100"
    running = await start(modern)

    results = await running.say(op("\n".join(f"line {number}" for number in range(9))))

    assert results == [Sent(f"m{number}") for number in range(1, 5)]
    assert modern.texts()[-1] == "<Mina> … (6 more lines: https://parley.test/m/1)"


async def test_an_answer_names_its_message(modern: Server, start: Start):
    running = await start(modern)

    await running.say(op("Yes.", reply_to=QUOTED))

    assert modern.history["#project"][0].tags["+draft/reply"] == "m1"
    assert modern.texts() == ["<Mina> Yes."]


async def test_an_answer_names_its_author_where_there_are_no_tags(server: Server, start: Start):
    running = await start(server)

    await running.say(op("Yes.", reply_to=QUOTED))

    assert server.texts() == ["<Mina> re Ada: Yes."]


async def test_a_reaction_is_a_tag_and_nothing_where_there_are_none(
    server: Server, modern: Server, start: Start
):
    reaction = op("", kind="react", emoji="👍", target=QUOTED)
    able = await start(modern)
    unable = await start(server)

    assert await able.say(reaction) == [Sent("m1")]
    assert await unable.say(reaction) == [Sent("")]

    assert modern.history["#project"][0].tags["+draft/react"] == "👍"
    assert not [line for line in server.got if line.command == "TAGMSG"]


async def test_nothing_goes_out_while_there_is_no_connection(server: Server, start: Start):
    running = await start(server)
    await server.stop()
    await until(lambda: running.kept.states[-1][0] == "waiting")

    (result,) = await running.say(op())

    assert isinstance(result, Retry)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_connection_cut_before_the_echo_is_looked_up(
    modern: Server, start: Start, is_kept: bool
):
    running = await start(modern)
    await running.say(op("before"))
    modern.cut_at, modern.keeps_cut = 2, is_kept
    said = op("Hello")
    (part,) = running.irc.render(said)

    result = await running.irc.send(said, part)
    await until(lambda: len(running.kept.states) > 3 and running.kept.states[-1][0] == "connected")

    assert isinstance(result, Unknown)
    found = await running.irc.probe(said, part)
    assert found == (Landed("m2") if is_kept else Missing.ABSENT)


async def test_what_keeps_no_tags_is_looked_up_by_its_text(modern: Server, start: Start):
    modern.keeps_tags = False
    running = await start(modern)
    await running.say(op("Hello"))
    modern.cut_at = 2
    said = op("Hello")
    (part,) = running.irc.render(said)

    await running.irc.send(said, part)
    await until(lambda: modern.connects == 2 and running.kept.states[-1][0] == "connected")

    assert await running.irc.probe(said, part) == Landed("m2")  # not the twin before it
    assert await running.irc.probe(op("Else"), part) == Missing.ABSENT


async def test_a_history_that_was_lost_proves_nothing(modern: Server, start: Start):
    running = await start(modern)
    said = op("Hello")
    (part,) = running.irc.render(said)
    await running.irc.send(said, part)
    modern.history.clear()

    assert await running.irc.probe(said, part) == Missing.CANNOT_TELL


async def test_without_history_nothing_can_be_told(server: Server, start: Start):
    running = await start(server)
    server.cut_at = 1
    said = op("Hello")
    (part,) = running.irc.render(said)

    result = await running.irc.send(said, part)
    await until(lambda: server.connects == 2 and running.kept.states[-1][0] == "connected")

    assert isinstance(result, Unknown)
    assert await running.irc.probe(said, part) == Missing.CANNOT_TELL
    assert server.texts() == ["<Mina> Hello"]


async def test_a_server_that_does_not_answer_leaves_it_unknown(modern: Server, start: Start):
    running = await start(modern)
    modern.is_silent = True

    (result,) = await running.say(op())

    assert isinstance(result, Unknown)


async def test_a_flood_is_paced_and_other_rooms_are_not_starved(modern: Server, start: Start):
    modern.recvq = 2_600  # of eight lines of 460 bytes, as many as there are rooms, it kills us
    rooms = tuple(f"#room{number}" for number in range(8))
    running = await start(modern, rooms=rooms)

    async def lane(room: str) -> list[object]:
        return [(await running.say(op("x" * 350, room=room)))[0] for _ in range(25)]

    results = await asyncio.gather(*(lane(room) for room in rooms))

    assert modern.floods == 0
    assert all(isinstance(result, Sent) for lane in results for result in lane)
    firsts = [line.params[0] for line in modern.got if line.command == "PRIVMSG"][: len(rooms)]
    assert set(firsts) == set(rooms)


async def test_a_burst_is_followed_by_the_rate(modern: Server, start: Start):
    running = await start(modern, rate_per_s=10, burst=3)
    begun = asyncio.get_running_loop().time()

    for _ in range(6):
        await running.say(op())

    assert asyncio.get_running_loop().time() - begun > 0.25


async def test_hostile_text_is_one_line_and_no_command(server: Server, start: Start):
    running = await start(server)
    text = "a\x00b\rQUIT :x\x01\x02\x03\x1b\u0085\u2028\u202e\ud800z"

    results = await running.say(op(text, name="Mi\r\nna"))

    assert set(results) == {Sent("")}
    assert server.connects == 1
    after = [line.command for line in server.got if line.command not in {"CAP", "PING"}]
    assert after == ["NICK", "USER", "JOIN", *["PRIVMSG"] * len(results)]
    said = "".join(server.texts())
    assert said.startswith("<Mina> a\ufffdb")
    assert said.endswith("\ufffdz")
