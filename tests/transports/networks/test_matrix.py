"""A channel in a Matrix room, through lanes and back: an application service and a bot."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from hub.actor import Actor
from hub.models import Decision, Message
from tests.cast import act
from tests.transports.matrix.fake import Fake
from tests.transports.matrix.helping import AS_TOKEN, BOT_TOKEN, HS_TOKEN
from transports import vault
from transports.models import ChatAccount, Incoming, Network

from .running import Office, say, states, wait_for

ROOM = "!r:localhost"
BOB = "@bob:localhost"


class Homeserver:
    """The fake homeserver in a loop and thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._is_up = threading.Event()
        self.fake: Any = None

    def start(self) -> "Homeserver":
        self._thread.start()
        assert self._is_up.wait(10)
        return self

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._begin())
        self._is_up.set()
        self.loop.run_forever()
        self.loop.close()

    async def _begin(self) -> None:
        self.fake = Fake()
        await self.fake.start()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.fake.stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    def say(self, text: str) -> None:
        self.loop.call_soon_threadsafe(self.fake.say, text)


@pytest.fixture
def server() -> Iterator[Homeserver]:
    made = Homeserver().start()
    yield made
    made.stop()


def connected(ada: Actor, server: Homeserver, mode: str) -> Network:
    config = {"homeserver": server.fake.url, "server_name": "localhost", "mode": mode}
    secret = {"as_token": AS_TOKEN, "hs_token": HS_TOKEN}
    if mode == "bot":
        config["user"], secret = "@robot:localhost", {"access_token": BOT_TOKEN}
    act(ada, "network.add", name="matrix", kind="matrix", config=config, secret=secret)
    act(ada, "channel.bind", channel="project", network="matrix", room=ROOM)
    return Network.objects.get()


def push(row: Network, *events: dict[str, Any], number: int = 1, token: str = HS_TOKEN) -> int:
    """Push as a homeserver does; gives the status."""
    answer = Client().put(
        f"/matrix/{row.pk}/_matrix/app/v1/transactions/{number}",
        json.dumps({"events": list(events)}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    return answer.status_code


def event(text: str, number: int, sender: str = BOB) -> dict[str, Any]:
    return {
        "type": "m.room.message",
        "room_id": ROOM,
        "event_id": f"$push{number}",
        "sender": sender,
        "origin_server_ts": 1_700_000_000_000,
        "content": {"msgtype": "m.text", "body": text},
    }


def test_members_speak_as_puppets_of_their_own(
    ada: Actor, mina: Actor, server: Homeserver, office: Office
) -> None:
    connected(ada, server, "appservice")

    say(ada, "Hello **team**")
    say(mina, "I plan")

    wait_for(lambda: len(server.fake.bodies()) == 2, lambda: Network.objects.values())
    senders = [one["sender"] for one in server.fake.events if one["type"] == "m.room.message"]
    assert senders == ["@parley_ada:localhost", "@parley_mina:localhost"]
    wait_for(lambda: set(states()) == {"sent"}, states)


def test_what_a_homeserver_pushes_is_taken_in_once(
    ada: Actor, grace: Actor, mina: Actor, server: Homeserver, office: Office
) -> None:
    row = connected(ada, server, "appservice")
    code = act(grace, "account.link")["code"]
    number = act(mina, "decision.ask", text="Where?", choices=["Sea", "Tycho"])["number"]

    assert push(row, event(f"!link {code}", 1)) == 200
    wait_for(lambda: ChatAccount.objects.filter(is_linked=True).exists())
    for _ in range(2):
        assert push(row, event(f"!ans {number} 2", 2)) == 200

    wait_for(lambda: Decision.objects.get(number=number).answer == "Tycho")
    assert Message.objects.filter(text=f"!ans {number} 2").count() == 1
    wait_for(lambda: any("answers question" in body for body in server.fake.bodies()))


def test_a_push_with_a_wrong_token_or_to_no_network_stores_nothing(
    ada: Actor, server: Homeserver, db: None
) -> None:
    row = connected(ada, server, "appservice")

    assert push(row, event("x", 1), token="wrong") == 403
    row.pk += 1
    assert push(row, event("x", 1)) == 404
    assert not Incoming.objects.exists()


def test_a_paused_network_lets_the_homeserver_wait(
    ada: Actor, server: Homeserver, db: None
) -> None:
    row = connected(ada, server, "appservice")
    act(ada, "network.pause", network="matrix")

    assert push(row, event("x", 1)) == 503


def test_a_bot_reads_and_speaks_for_all(ada: Actor, server: Homeserver, office: Office) -> None:
    connected(ada, server, "bot")
    wait_for(lambda: Network.objects.get().state == "connected", lambda: Network.objects.values())

    say(ada, "Hello")
    wait_for(lambda: server.fake.bodies(), lambda: states())
    server.say("from over there")

    wait_for(lambda: Message.objects.filter(text="from over there").exists())
    assert "ada" in server.fake.bodies()[0]
    row = Message.objects.get(text="from over there")
    assert row.author.name == "bob-matrix"


def test_an_encrypted_room_is_refused_aloud(ada: Actor, server: Homeserver, office: Office) -> None:
    row = connected(ada, server, "appservice")
    server.loop.call_soon_threadsafe(server.fake.encrypt)

    say(ada, "secret")

    wait_for(lambda: "encrypt" in row.bindings.get().held_why, lambda: row.bindings.values())
    assert server.fake.bodies() == []


def test_a_reaction_that_is_redacted_is_taken_back(
    ada: Actor, server: Homeserver, office: Office
) -> None:
    row = connected(ada, server, "appservice")
    say(ada, "Where?")
    wait_for(lambda: server.fake.bodies())
    posts = [one for one in server.fake.events if one["type"] == "m.room.message"]
    relation = {"rel_type": "m.annotation", "event_id": posts[0]["event_id"], "key": "+1"}
    reaction = event("", 3) | {"type": "m.reaction", "content": {"m.relates_to": relation}}
    wait_for(lambda: set(states()) == {"sent"}, states)

    push(row, reaction)
    message = Message.objects.get(text="Where?")
    wait_for(lambda: message.reactions.count() == 1, lambda: Incoming.objects.values("why"))
    redaction = {"type": "m.room.redaction", "redacts": "$push3", "content": {"redacts": "$push3"}}
    push(row, event("", 4) | redaction)

    wait_for(lambda: message.reactions.count() == 0, lambda: Incoming.objects.values("why"))


def test_the_registration_is_printed_and_makes_tokens_that_are_missing(
    ada: Actor, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"homeserver": "http://127.0.0.1:8008", "server_name": "localhost"}
    act(ada, "network.add", name="matrix", kind="matrix", config=config)

    call_command("matrix_registration", "moon", "matrix")

    row = Network.objects.get()
    found = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert json.loads(found["url"]).endswith(f"/matrix/{row.pk}")
    assert json.loads(found["as_token"]) == vault.unseal(row.secrets)["as_token"]
    with pytest.raises(CommandError):
        call_command("matrix_registration", "moon", "other")
