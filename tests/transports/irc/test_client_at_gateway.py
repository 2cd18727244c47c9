"""Parley as an IRC client of its own gateway, over real sockets."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from hub.actor import Actor
from hub.models import Message
from tests.cast import act
from tests.transports.irc_client.conftest import QUICK, Kept, account_of, op
from transports.base import Landed, Missing, OutOp, Quoted, Rejected, Result, Sent
from transports.irc.client.adapter import Irc

from .conftest import Running, token_of

PATIENCE_S = 10
Answer = TypeVar("Answer")


class Side:
    """An account in a loop and thread of its own, as the gateway has one."""

    def __init__(self, port: int, token: str, cursor: str | None = None) -> None:
        secrets = {"server_password": token}
        self.kept = Kept()
        self.irc = Irc(account_of(port, cursor=cursor, secrets=secrets), QUICK)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._task = self._loop.create_task(self.irc.run(self.kept))
        self._loop.call_soon_threadsafe(lambda: None)
        self.do(self.irc.ready())

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def say(self, said: OutOp) -> list[Result]:
        return [self.do(self.irc.send(said, part)) for part in self.irc.render(said)]

    def stop(self) -> None:
        async def end() -> None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

        self.do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()


@pytest.fixture
def enter_as(running: Running) -> Iterator[Callable[..., Side]]:
    """Let an account come in with a member's token: `enter_as(grace, cursor=…)`."""
    opened: list[Side] = []

    def make(actor: Actor, cursor: str | None = None) -> Side:
        opened.append(Side(running.port, token_of(actor), cursor))
        return opened[-1]

    yield make
    for side in opened:
        side.stop()
    # The gateway notes who left: only its clock goes on.
    until(lambda: not running.gateway._clients and len(running.gateway._tasks) <= 1)


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def row(result: Result) -> Message:
    assert isinstance(result, Sent)
    return Message.objects.select_related("reply_to").get(seq=int(result.remote_id))


def test_what_is_sent_is_a_message_and_its_number_comes_back(
    grace: Actor, enter_as: Callable[..., Side]
) -> None:
    side = enter_as(grace)

    (result,) = side.say(op("Hello **all**"))

    assert row(result).text == "<Mina> Hello **all**"


def test_several_lines_are_one_message(grace: Actor, enter_as: Callable[..., Side]) -> None:
    side = enter_as(grace)
    text = "\n".join(f"line {number}" for number in range(9))

    results = side.say(op(text))

    assert row(results[0]).text == f"<Mina> {text}"
    assert results[1:] == [Sent("")] * 3


def test_an_answer_and_a_reaction_reach_their_message(
    ada: Actor, grace: Actor, enter_as: Callable[..., Side]
) -> None:
    number = act(ada, "message.post", channel="project", text="Shall we?")["number"]
    quoted = Quoted(remote_ids=(str(number),), author="ada", text="Shall we?")
    side = enter_as(grace)

    (answer,) = side.say(op("Yes.", reply_to=quoted))
    reaction = side.say(op("", kind="react", emoji="👍", target=quoted))

    replied = row(answer).reply_to
    assert replied is not None
    assert replied.seq == number
    assert reaction == [Sent("")]
    assert Message.objects.get(seq=number).reactions.get().emoji == "👍"


def test_a_room_that_is_not_there_refuses(grace: Actor, enter_as: Callable[..., Side]) -> None:
    side = enter_as(grace)

    (result,) = side.say(op(room="#nowhere"))

    assert isinstance(result, Rejected)
    assert (result.code, result.scope) == ("403", "channel")


def test_what_members_say_is_heard_and_missed_nothing(
    ada: Actor, grace: Actor, enter_as: Callable[..., Side]
) -> None:
    first = enter_as(grace)
    act(ada, "message.post", channel="project", text="one\ntwo")
    until(lambda: first.kept.events)
    (event,) = first.kept.events
    first_cursor = first.kept.cursor
    act(ada, "message.post", channel="project", text="three")
    until(lambda: len(first.kept.events) == 2)

    second = enter_as(grace, cursor=first_cursor)
    until(lambda: second.kept.events)

    assert (event.sender.id, event.text, event.room) == ("ada", "one\ntwo", "#project")
    assert second.kept.texts == ["three"]
    assert second.kept.gaps == []


def test_a_sending_is_found_by_its_text_or_known_to_be_absent(
    ada: Actor, grace: Actor, enter_as: Callable[..., Side]
) -> None:
    act(ada, "message.post", channel="project", text="before")
    side = enter_as(grace)
    said = op("Hello **all**, `here`\n- one\n- two")
    part = side.irc.render(said)[0]
    number = row(side.do(side.irc.send(said, part))).seq
    other = enter_as(grace)  # another process knows nothing of what was sent

    found = other.do(other.irc.probe(said, part))
    missing = other.do(other.irc.probe(op("Else"), other.irc.render(op("Else"))[0]))

    assert (found, missing) == (Landed(str(number)), Missing.ABSENT)


def test_the_same_id_is_taken_once(grace: Actor, enter_as: Callable[..., Side]) -> None:
    side = enter_as(grace)
    said = op(f"only once {uuid4()}")

    side.say(said)
    side.say(said)

    assert Message.objects.filter(text__contains=said.text).count() == 1


def test_a_token_that_is_none_is_refused(running: Running) -> None:
    side = Side(running.port, "prl_nothing_of_the_kind")

    state, why = side.kept.states[-1]
    side.stop()

    assert state == "refused"
    assert "prl_nothing" not in why
