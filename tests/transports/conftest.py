"""Fixtures of the networks' tests: the cast, and a feed that ends with the test."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from pytest_django.fixtures import Settings

from tests.cast import ada, em, eve, grace, hub, ivo, joan, mars, mina, moon, rhea, stopped
from transports.web.consumers import feed

__all__ = [
    "ada",
    "em",
    "eve",
    "grace",
    "hub",
    "ivo",
    "joan",
    "mars",
    "mina",
    "moon",
    "rhea",
    "stopped",
]

from .sockets import Sockets


@pytest.fixture
def running_feed(db: None, settings: Settings) -> Iterator[None]:
    """Let sockets read; the sweep is short, for rings that come before the feed listens."""
    settings.SWEEP_S = 0.5
    yield
    feed.close()


@pytest_asyncio.fixture
async def sockets() -> AsyncIterator[Sockets]:
    opened = Sockets()
    yield opened
    await opened.close()
