"""A person is here while a page of theirs is open, and away after the last one."""

import asyncio

import pytest
from channels.db import database_sync_to_async

from hub.actor import Actor
from hub.models import Presence
from transports.web import consumers

from .sockets import Sockets

pytestmark = pytest.mark.usefixtures("running_feed")


@database_sync_to_async
def state_of(actor: Actor) -> str:
    row = Presence.objects.filter(member_id=actor.member_id).first()
    return row.state if row else ""


async def becomes(actor: Actor, state: str) -> bool:
    """Wait until a member is shown in a state."""
    for _ in range(100):
        if await state_of(actor) == state:
            return True
        await asyncio.sleep(0.05)
    return False


async def both_joined(actor: Actor) -> None:
    """Wait until two sockets of a member are in the feed."""
    for _ in range(100):
        if len(consumers.feed.readers_of(actor.member_id)) == 2:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the second socket did not join")


async def test_an_open_page_shows_a_person_here(ada: Actor, sockets: Sockets) -> None:
    await sockets.of(ada, "project")

    assert await becomes(ada, "here")


async def test_the_last_closed_page_shows_them_away(ada: Actor, sockets: Sockets) -> None:
    first = await sockets.of(ada, "project")
    second = await sockets.of(ada, "board")
    await both_joined(ada)

    await first.disconnect()
    still = await state_of(ada)
    await second.disconnect()

    assert still == "here"
    assert await becomes(ada, "away")
