"""A gateway that listens on loopback, and clients that talk to it over real sockets."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings

from hub.actor import Actor
from tests.cast import act
from transports.irc.gateway.server import Gateway

from .talk import Irc

PATIENCE_S = 10
MODERN = (
    "batch",
    "draft/chathistory",
    "draft/multiline",
    "echo-message",
    "labeled-response",
    "message-tags",
    "server-time",
    "standard-replies",
)


class Running:
    """A gateway in a loop and thread of its own."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.gateway = Gateway()
        self.loop = asyncio.new_event_loop()
        self.port = 0
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> "Running":
        self._thread.start()
        assert self._is_up.wait(PATIENCE_S)
        return self

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.port = self.loop.run_until_complete(self.gateway.start("127.0.0.1", 0, self.tls))
        self.loop.call_soon(self._is_up.set)
        self.loop.run_forever()
        self.loop.close()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.gateway.stop(), self.loop).result(PATIENCE_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self.gateway._desk._pool.shutdown(wait=True)  # a transaction would outlive the test


@pytest.fixture
def running(db: None, settings: Settings) -> Iterator[Running]:
    settings.SWEEP_S = 0.5
    made = Running().start()
    yield made
    made.stop()


@pytest.fixture
def connect(running: Running) -> Iterator[Callable[[], Irc]]:
    """Open connections that have not come in yet."""
    opened: list[Irc] = []

    def make() -> Irc:
        opened.append(Irc(running.port))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def enter(connect: Callable[[], Irc]) -> Callable[..., Irc]:
    """Let a member come in: `enter(grace, "#project", caps=MODERN)`."""

    def come_in(actor: Actor, *rooms: str, caps: tuple[str, ...] = ()) -> Irc:
        client = connect()
        client.log_in(token_of(actor), caps)
        for room in rooms:
            client.send(f"JOIN {room}")
            client.until(r" 366 ")
        return client

    return come_in


def token_of(actor: Actor, **options: object) -> str:
    """Make a token as people do on the page."""
    secret: str = act(actor, "token.create", label="IRC client", **options)["secret"]
    return secret
