"""Reading: what people say becomes events, whatever else comes with it, and gaps are filled."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from transports.base import Sender
from transports.irc.client import inbound
from transports.irc.client.connection import MAX_UNREAD

from .conftest import Start, op, until
from .server import Server, stamp


async def test_what_people_say_is_an_event(modern: Server, start: Start):
    running = await start(modern)

    modern.say("Hello \x02all\x02", account="ada.l", **{"+draft__reply": "m0"})
    await until(lambda: running.kept.events)

    (event,) = running.kept.events
    assert (event.kind, event.room, event.remote_id) == ("post", "#project", "m1")
    assert (event.text, event.reply_to, event.op_id) == ("Hello **all**", "m0", "")
    assert event.sender == Sender(id="ada.l", name="ada")
    assert running.kept.cursor is not None
    assert json.loads(running.kept.cursor)["#project"][0] == "m1"


@pytest.mark.parametrize("account", ["", "*", "~ada!ada@home.test"])
async def test_a_nick_is_never_taken_for_an_account(modern: Server, start: Start, account: str):
    running = await start(modern)

    modern.say("Hi", account=account)
    await until(lambda: running.kept.events)

    assert running.kept.events[0].sender == Sender(id="~ada!ada@home.test", name="ada")


async def test_actions_notices_reactions_and_redactions(modern: Server, start: Start):
    running = await start(modern)

    modern.say("\x01ACTION waves\x01")
    modern.say("\x01VERSION\x01")
    modern.say("beep", command="NOTICE")
    modern.say("", command="TAGMSG", **{"+draft__reply": "m1", "+draft__react": "👍"})
    modern.say("", command="TAGMSG", **{"+draft__reply": "m1", "+draft__unreact": "👍"})
    modern.say("", command="TAGMSG", **{"+typing": "active"})
    modern.say("m1", command="REDACT")
    await until(lambda: len(running.kept.events) == 5)

    found = [
        (event.kind, event.text, event.emoji, event.target, event.sender.is_bot)
        for event in running.kept.events
    ]
    assert found == [
        ("post", "*waves*", "", "", False),
        ("post", "beep", "", "", True),
        ("react", "", "👍", "m1", False),
        ("unreact", "", "👍", "m1", False),
        ("delete", "", "", "m1", False),
    ]


async def test_several_lines_sent_as_one_are_one_event(modern: Server, start: Start):
    running = await start(modern)
    source = b":ada!a@h"

    modern.raw(
        b"@msgid=x1 " + source + b" BATCH +z draft/multiline #project\r\n"
        b"@batch=z " + source + b" PRIVMSG #project :one\r\n"
        b"@batch=z;draft/multiline-concat " + source + b" PRIVMSG #project :+\r\n"
        b"@batch=z " + source + b" PRIVMSG #project :two\r\n" + source + b" BATCH -z\r\n"
    )
    await until(lambda: running.kept.events)

    (event,) = running.kept.events
    assert (event.text, event.remote_id) == ("one+\ntwo", "x1")


async def test_bad_input_harms_nothing(server: Server, start: Start):
    running = await start(server)

    server.raw(b":ada!a@h PRIVMSG #project :caf\xe9\r\n")
    server.raw(b" \r\n\r\n")
    server.raw(b":ada!a@h PRIVMSG #project\r\n:ada!a@h PRIVMSG\r\n:ada!a@h QUIT\r\nNICK\r\n")
    server.raw(b":ada!a@h PRIVMSG #project :" + b"x" * 9_000 + b"\r\n")
    server.raw(b":fake.test 999 parley :what\r\nPING\r\nMODE\r\n@;;= :x 005\r\nBATCH\r\nJOIN\r\n")
    server.raw(b":ada!a@h PRIVMSG #project :a\x00b\rQUIT\x02\x03\r\n")
    server.say("still here")
    await until(lambda: "still here" in running.kept.texts)

    assert running.kept.texts == ["caf\ufffd", "abQUIT****", "still here"]
    assert server.connects == 1


async def test_a_fault_of_a_handler_harms_nothing(
    modern: Server, start: Start, monkeypatch: pytest.MonkeyPatch
):
    running = await start(modern)
    whole = inbound.text_of

    def faulty(text: str) -> str:
        if text == "boom":
            raise KeyError(text)
        return whole(text)

    monkeypatch.setattr(inbound, "text_of", faulty)

    modern.say("boom")
    modern.say("after")
    await until(lambda: running.kept.texts == ["after"])

    assert running.irc.faults == 1
    assert modern.connects == 1


async def test_without_ids_each_line_has_one_of_its_own(server: Server, start: Start):
    running = await start(server)

    server.say("same")
    server.say("same")
    await until(lambda: len(running.kept.events) == 2)

    first, second = (event.remote_id for event in running.kept.events)
    assert first != second
    assert first.startswith("made:")


async def test_a_message_that_comes_three_times_is_one_event(modern: Server, start: Start):
    running = await start(modern)

    for _ in range(3):
        modern.say("once", msgid="same")
    modern.say("end")
    await until(lambda: "end" in running.kept.texts)

    assert running.kept.texts == ["once", "end"]


async def test_an_own_echo_names_its_op(modern: Server, start: Start):
    running = await start(modern)
    said = op()

    await running.say(said)
    await until(lambda: running.kept.events)

    (event,) = running.kept.events
    assert (event.op_id, event.remote_id) == (str(said.id), "m1")


async def test_a_copied_tag_makes_nothing_our_own(modern: Server, start: Start):
    running = await start(modern)
    said = op()

    modern.say("I am the bot", **{"+parley.chat__id": f"{said.id}.0"})
    await until(lambda: running.kept.events)

    assert running.kept.events[0].op_id == ""


async def test_what_was_said_while_it_was_away_comes_first(modern: Server, start: Start):
    running = await start(modern)
    modern.say("before")
    await until(lambda: running.kept.texts == ["before"])
    await modern.stop()
    await until(lambda: running.kept.states[-1][0] == "waiting")
    for number in range(120):  # more than a page
        modern.say(f"away {number}")

    await modern.start()
    await until(lambda: modern.clients and modern.clients[0].rooms)
    modern.say("live")
    await until(lambda: "live" in running.kept.texts)

    assert running.kept.texts == ["before", *(f"away {number}" for number in range(120)), "live"]
    assert running.kept.gaps == []


async def test_a_new_process_reads_on_from_the_cursor(modern: Server, start: Start):
    first = await start(modern)
    modern.say("before")
    await until(lambda: first.kept.texts == ["before"])
    await first.stop()
    modern.say("away")

    second = await start(modern, cursor=first.kept.cursor)

    await until(lambda: second.kept.texts == ["away"])


async def test_a_history_that_was_lost_is_a_gap(modern: Server, start: Start):
    running = await start(modern)
    modern.say("before")
    await until(lambda: running.kept.texts)
    modern.history.clear()

    modern.drop()
    await until(lambda: running.kept.gaps)

    (gap,) = running.kept.gaps
    assert gap == ("#project", "the server's history does not reach back to the last message")


async def test_without_history_every_absence_is_a_gap(server: Server, start: Start):
    running = await start(server)
    assert running.kept.gaps == []

    server.drop()
    await until(lambda: running.kept.gaps)
    await running.stop()
    again = await start(server, cursor=running.kept.cursor)
    await until(lambda: again.kept.gaps)

    assert [room for room, _ in (*running.kept.gaps, *again.kept.gaps)] == ["#project"] * 2
    assert "nobody listened since" in again.kept.gaps[0][1]


async def test_old_lines_that_a_server_replays_wake_nobody(modern: Server, start: Start):
    running = await start(modern)
    old = stamp(datetime.now(UTC) - timedelta(minutes=5))

    modern.raw(f"@time={old};msgid=o1 :ada!a@h PRIVMSG #project :old\r\n".encode())
    modern.raw(b"BATCH +r chathistory #project\r\n")
    modern.raw(b"@batch=r;msgid=o2 :ada!a@h PRIVMSG #project :older\r\nBATCH -r\r\n")
    modern.say("x joined", nick="HistServ")
    modern.say("new")
    await until(lambda: running.kept.texts)

    assert running.kept.texts == ["new"]


async def test_a_netsplit_is_one_gap_and_nobodys_leaving(server: Server, start: Start):
    running = await start(server)

    for nick in (b"ada", b"bob", b"cyd"):
        server.raw(b":" + nick + b"!a@h QUIT :irc.one.test irc.two.test\r\n")
    await until(lambda: running.kept.gaps)
    await asyncio.sleep(0.2)

    (gap,) = running.kept.gaps
    assert gap[1].startswith("servers were split")
    assert running.kept.events == []


async def test_a_sink_in_trouble_loses_nothing(modern: Server, start: Start):
    running = await start(modern)
    running.kept.refuses = lambda _: True
    modern.say("one")
    modern.say("two")
    await asyncio.sleep(0.3)

    running.kept.refuses = lambda _: False
    await until(lambda: running.kept.texts == ["one", "two"])

    assert modern.connects == 1


async def test_an_event_that_cannot_be_stored_is_given_up_alone(modern: Server, start: Start):
    running = await start(modern)
    running.kept.refuses = lambda events: any(event.text == "poison" for event in events)

    for text in ("one", "poison", "two"):
        modern.say(text)
    await until(lambda: running.kept.texts == ["one", "two"])

    assert running.kept.gaps == [("#project", "a message could not be stored")]
    assert running.irc.faults == 1


async def test_a_history_that_is_not_told_is_a_gap(modern: Server, start: Start):
    running = await start(modern)
    modern.say("before")
    await until(lambda: running.kept.texts)
    modern.tells_history = False

    modern.drop()
    await until(lambda: running.kept.gaps)
    modern.say("after")
    await until(lambda: "after" in running.kept.texts)

    assert running.kept.gaps[0][1].startswith("the server does not tell what was said before")


async def test_a_server_waits_while_the_sink_does(modern: Server, start: Start):
    running = await start(modern)
    running.kept.refuses = lambda _: True
    count = MAX_UNREAD + 500
    for number in range(count):
        modern.say(f"line {number}")
    reading = running.irc._reading
    assert reading is not None
    await until(lambda: reading._is_paused)

    running.kept.refuses = lambda _: False
    await until(lambda: len(running.kept.texts) == count)

    assert running.kept.texts == [f"line {number}" for number in range(count)]
    assert modern.connects == 1
