"""`manage.py runtransports`: opens the doors, shows that it lives, waits for a taken port."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from channels.db import database_sync_to_async
from pytest_django.fixtures import Settings

from hub.actions import events
from hub.models import HOUSE
from transports import runner

pytestmark = pytest.mark.django_db
WAIT_S = 10.0


async def until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not fact():  # noqa: ASYNC110 - a list and a log say no word when they grow
            await asyncio.sleep(0.02)


class Doors:
    """The runner in a task, and what it said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(runner.run(self.stop, self.said.append))

    async def close(self) -> None:
        self.stop.set()
        async with asyncio.timeout(WAIT_S):
            await self.task


async def test_it_opens_a_door_and_beats(settings: Settings) -> None:
    settings.IRC_LISTEN = "127.0.0.1:0"
    doors = Doors()
    await until(lambda: doors.said)

    port = int(doors.said[0].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PING hello\r\n")
    answer = await reader.readline()
    seen = 0
    async with asyncio.timeout(WAIT_S):
        while not seen:
            seen = await database_sync_to_async(events.cursor_of)(HOUSE, "transports")
    await doors.close()
    writer.close()

    assert answer == b":parley PONG parley hello\r\n"


async def test_a_taken_port_is_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "RETRY_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings.IRC_LISTEN = f"127.0.0.1:{other.getsockname()[1]}"
        doors = Doors()
        await until(lambda: "waits for its port" in caplog.text)
        assert doors.said == []
    await until(lambda: doors.said)

    await doors.close()

    assert caplog.text.count("waits for its port") == 1


async def test_off_opens_nothing(settings: Settings) -> None:
    settings.IRC_LISTEN = "off"
    doors = Doors()
    await asyncio.sleep(0.1)

    await doors.close()

    assert doors.said == []
