"""The live socket's door: who may watch what, and who is shown out."""

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator

from hub.actor import Actor
from hub.asgi import application
from transports.web import consumers

from .sockets import WAIT_S, Sockets, closed, cookie_of, do, log_end, texts

pytestmark = pytest.mark.usefixtures("running_feed")


async def test_a_stranger_is_asked_to_log_in(ada: Actor, sockets: Sockets) -> None:
    socket = await sockets.withcookie_of(b"", "/live/moon/?topics=project")

    assert await closed(socket) == 4401


@pytest.mark.parametrize(
    "topics",
    [
        "channel:99",
        "task:1",
        "member:1",
        "nonsense",
        "channel:²",
        "session:1",
        "pull:7",
        "secret:1",
    ],
)
async def test_what_is_not_there_cannot_be_watched(
    ada: Actor, sockets: Sockets, topics: str
) -> None:
    socket = await sockets.of(ada, topics)

    assert await closed(socket) == 4403


async def test_too_many_topics_are_refused(ada: Actor, sockets: Sockets) -> None:
    many = ",".join(["project", "board", "log", "decisions", "team", "home", "channel:1"])
    more = [f"thread:{number}" for number in range(1, consumers.MAX_TOPICS)]

    assert await closed(await sockets.of(ada, ",".join([many, *more]))) == 4403


async def test_another_projects_log_cannot_be_watched(
    ada: Actor, eve: Actor, sockets: Sockets
) -> None:
    assert await closed(await sockets.of(eve, "project")) == 4403


async def test_another_site_cannot_open_a_socket(ada: Actor) -> None:
    cookie = await database_sync_to_async(cookie_of)(ada)
    headers = [(b"origin", b"https://elsewhere.example"), (b"cookie", cookie)]
    socket = WebsocketCommunicator(application, "/live/moon/?topics=project", headers=headers)

    connected, _ = await socket.connect(timeout=WAIT_S)

    assert not connected


async def test_a_private_conversation_is_watched_by_its_two_members_only(
    ada: Actor, grace: Actor, mina: Actor, sockets: Sockets
) -> None:
    direct = (await do(grace, "channel.direct", member="mina"))["number"]
    after = await log_end(ada)
    others = await sockets.of(ada, f"project,log,home,board,member:{ada.member_id}", after=after)
    own = await sockets.of(grace, f"channel:{direct},member:{grace.member_id}", after=after)

    number = (await do(mina, "message.post", channel=direct, text="midnight"))["number"]

    assert await closed(await sockets.of(ada, f"channel:{direct}")) == 4403
    assert "midnight" in await texts(own, number)
    seen = await texts(others, number)
    assert "midnight" not in seen
    assert f"unread-{direct}" not in seen


async def test_a_retired_member_is_shown_out(ada: Actor, grace: Actor, sockets: Sockets) -> None:
    socket = await sockets.of(grace, "project", after=await log_end(ada))
    await do(ada, "message.post", channel=1, text="still here")
    await texts(socket, await log_end(ada))

    await do(ada, "member.retire", name="grace")

    assert await closed(socket) == 4403


async def test_what_a_socket_sends_is_ignored(ada: Actor, sockets: Sockets) -> None:
    socket = await sockets.of(ada, "channel:1", after=await log_end(ada))
    await socket.send_to(text_data='{"text": "forged"}')
    await socket.send_to(bytes_data=b"\x00")

    number = (await do(ada, "message.post", channel=1, text="real"))["number"]

    assert "forged" not in await texts(socket, number)
