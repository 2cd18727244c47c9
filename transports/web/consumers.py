"""The live socket: checks who may watch what, hands on what the feed renders, never writes."""

import asyncio
import logging
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from hub import identify, registry
from hub.actor import Actor
from hub.errors import HubError, Invalid
from hub.parts import live

from .feed import Feed, Reader

MAX_TOPICS = 12
MAX_WAITING = 500
UNKNOWN, FORBIDDEN, BUSY = 4401, 4403, 1013

logger = logging.getLogger(__name__)
feed = Feed()


def enter(user: AbstractBaseUser | AnonymousUser, slug: str, topics: frozenset[str]) -> Actor:
    """Find the viewer's member and check every topic. Raises NotFound or Invalid."""
    actor = identify.of_user(user, slug, "socket")
    if len(topics) > MAX_TOPICS:
        raise Invalid(f"A page watches at most {MAX_TOPICS} topics.", code="topics.too_many")
    for topic in topics:
        live.check_topic(actor, topic)
    return actor


def show_up(actor: Actor, state: str) -> None:
    """Let the team see whether a person is here: as long as a page of theirs is open."""
    try:
        registry.call(actor, "presence.set", {"state": state})
    except HubError as error:  # retired meanwhile: there is nobody to show
        logger.info("presence of member %s stays: %s", actor.member_id, error)


class LiveConsumer(AsyncWebsocketConsumer):
    """One page's socket."""

    reader: Reader | None = None
    actor: Actor | None = None
    sender: "asyncio.Task[None] | None" = None

    async def connect(self) -> None:
        """Let a member of the project in, or close with 4401 (log in) or 4403 (no access)."""
        await self.accept()
        user = self.scope["user"]
        if user is None or not user.is_authenticated:
            await self.close(UNKNOWN)
            return
        query = parse_qs(self.scope["query_string"].decode("ascii", "replace"))
        topics = frozenset(filter(None, query.get("topics", [""])[-1].split(",")))
        slug = self.scope["url_route"]["kwargs"]["slug"]
        try:
            actor = await database_sync_to_async(enter)(user, slug, topics)
        except HubError:
            await self.close(FORBIDDEN)
            return
        await database_sync_to_async(show_up)(actor, "here")
        self.actor = actor
        after = query.get("after", ["0"])[-1]
        self._watch(actor, topics, int(after) if after.isdecimal() else 0)

    def _watch(self, actor: Actor, topics: frozenset[str], after: int) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[str | int] = asyncio.Queue()

        def put(item: str | int) -> None:
            if waiting.qsize() < MAX_WAITING:
                waiting.put_nowait(item)
            elif waiting.qsize() == MAX_WAITING:
                waiting.put_nowait(BUSY)

        def hand_over(item: str | int) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(put, item)

        self.reader = Reader(
            project_id=actor.project_id,
            member_id=actor.member_id,
            topics=topics,
            after=after,
            put=hand_over,
            refuse=hand_over,
        )
        self.sender = asyncio.create_task(self._send(waiting))
        feed.join(self.reader)

    async def _send(self, waiting: "asyncio.Queue[str | int]") -> None:
        """Send what waits, in order; a number closes the socket with that code."""
        while True:
            item = await waiting.get()
            if isinstance(item, int):
                await self.close(item)
                return
            await self.send(text_data=item)

    async def disconnect(self, code: int) -> None:
        """Leave the feed."""
        if self.sender is not None:
            self.sender.cancel()
        if self.reader is not None:
            feed.leave(self.reader)
        if self.actor is None:
            return
        others = [one for one in feed.readers_of(self.actor.member_id) if one is not self.reader]
        if not others:
            await database_sync_to_async(show_up)(self.actor, "away")

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        """Take nothing: pages write by POST."""
