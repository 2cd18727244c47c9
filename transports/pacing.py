"""Token buckets: how fast one speaker may talk on a network."""

import asyncio
import time

from .base import Transport


class Pace:
    """The buckets of an account's speakers; each waits for its own."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._buckets: dict[str, tuple[float, float]] = {}

    async def turn(self, speaker: str) -> None:
        """Wait until the speaker may say one thing more."""
        caps = self._transport.caps()
        now = time.monotonic()
        left, at = self._buckets.get(speaker, (float(caps.burst), now))
        left = min(float(caps.burst), left + (now - at) * caps.rate_per_s) - 1
        self._buckets[speaker] = (left, now)
        if left < 0:
            await asyncio.sleep(-left / caps.rate_per_s)
