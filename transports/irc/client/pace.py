"""The pace of sending: a server that is sent more than it takes hangs up."""

import asyncio
import random


class Bucket:
    """Tokens that fill with time, given to who asks in the order of asking."""

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._rate_per_s, self._burst = rate_per_s, float(burst)
        self._tokens = self._burst
        self._at: float | None = None
        self._lock = asyncio.Lock()

    async def take(self, count: int) -> None:
        """Wait for so many tokens, at most a burst: servers that take a batch of lines as one
        message do not count each of them.
        """
        async with self._lock:
            needed = min(float(count), self._burst)
            if (short := needed - self._filled()) > 0:
                await asyncio.sleep(short / self._rate_per_s)
                self._filled()
            self._tokens -= needed

    def _filled(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._at is not None:
            self._tokens += (now - self._at) * self._rate_per_s
        self._tokens, self._at = min(self._tokens, self._burst), now
        return self._tokens


class Patience:
    """How long to wait before the next try: twice as long each time, never all at once."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._tries = 0

    def next_s(self) -> float:
        """Give the next wait: half to all of what has doubled so far."""
        wait: float = min(self._longest_s, self._first_s * 2 ** min(self._tries, 32))
        self._tries += 1
        return wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the load, hides nothing

    def reset(self) -> None:
        """Begin anew, after a connection that lasted."""
        self._tries = 0
