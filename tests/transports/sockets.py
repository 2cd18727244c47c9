"""Sockets as pages open them, for tests."""

import asyncio
import re
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings as site

from hub.actor import Actor
from hub.asgi import application
from hub.models import Event
from tests.cast import act
from tests.hub.browsers import browser_of

WAIT_S = 10.0
ORIGIN = (b"origin", b"http://localhost")


class Sockets:
    """Opens sockets as pages do, and closes them with the test."""

    def __init__(self) -> None:
        self._open: list[WebsocketCommunicator] = []

    async def of(self, actor: Actor, topics: str, after: int = 0) -> WebsocketCommunicator:
        cookie = await database_sync_to_async(cookie_of)(actor)
        return await self.withcookie_of(cookie, f"/live/moon/?topics={topics}&after={after}")

    async def withcookie_of(self, cookie: bytes, address: str) -> WebsocketCommunicator:
        headers = [ORIGIN, (b"cookie", cookie)]
        socket = WebsocketCommunicator(application, address, headers=headers)
        await socket.connect(timeout=WAIT_S)
        self._open.append(socket)
        return socket

    async def close(self) -> None:
        for socket in self._open:
            with suppress(asyncio.CancelledError):  # the server has closed it already
                await socket.disconnect()


def cookie_of(actor: Actor) -> bytes:
    name = site.SESSION_COOKIE_NAME
    return f"{name}={browser_of(actor).cookies[name].value}".encode()


@database_sync_to_async
def do(actor: Actor, action: str, /, **payload: Any) -> Any:
    return act(actor, action, **payload)


@database_sync_to_async
def log_end(actor: Actor) -> int:
    row = Event.objects.filter(project_id=actor.project_id).order_by("-seq").first()
    assert row is not None
    return row.seq


async def texts(socket: WebsocketCommunicator, upto: int) -> str:
    """Read until the socket says that it has reached a number."""
    read = ""
    while not re.search(rf'id="live-seq" data-seq="{upto}"', read):
        read += await socket.receive_from(timeout=WAIT_S)
    return read


async def closed(socket: WebsocketCommunicator) -> int:
    """Wait for the end of a socket; gives its code."""
    while True:
        message = await socket.receive_output(timeout=WAIT_S)
        if message["type"] == "websocket.close":
            return int(message["code"])
