"""A fake homeserver for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from .fake import Fake


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[Fake]:
    made = Fake()
    await made.start()
    yield made
    await made.stop()
