"""Waiting for a slow answer that must be given up at once when somebody says so.

The network is read by asyncio in a thread of its own, because only there can every wait be
cancelled: for a name, a connection, the first byte, the next event. The caller waits at a queue.
"""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from agents.providers.base import Stop, Stopped

T = TypeVar("T")
POLL_S = 0.5  # how long nothing may arrive before `stop` is asked again
GIVE_UP_S = 2.0  # how long closing a connection may take


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


class Reading(Generic[T]):
    """What arrives from an asynchronous source, read in another thread."""

    def __init__(self, source: Callable[[], AsyncIterator[T]]) -> None:
        self._source = source
        self._arrived: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="provider", daemon=True)

    def items(self, stop: Stop, most_s: float) -> Iterator[T]:
        """Give what arrives, as it does.

        `stop` is asked before each item and twice a second between them. Raises Stopped when it
        says a reason, TimeoutError when all takes longer than `most_s`, and what the source raises.
        """
        until = time.monotonic() + most_s
        while True:
            reason = stop()
            if reason:
                raise Stopped(reason, is_billed=False)
            if time.monotonic() >= until:
                raise TimeoutError(f"it took longer than {most_s:.0f} s")
            try:
                item = self._arrived.get(timeout=max(min(POLL_S, until - time.monotonic()), 0))
            except queue.Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Give up what is still being read, and its connection."""
        self._is_ready.wait(GIVE_UP_S)
        try:
            self._loop.call_soon_threadsafe(self._cancel)
        except RuntimeError:  # it has ended by itself
            pass
        self._thread.join(GIVE_UP_S)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            asyncio.set_event_loop(self._loop)
            self._task = self._loop.create_task(self._read())
            self._is_ready.set()
            self._loop.run_until_complete(self._task)
        except BaseException as raised:  # noqa: BLE001 - it is raised again where it is waited for
            error = raised
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self._arrived.put(_End(error))

    async def _read(self) -> None:
        async for item in self._source():
            self._arrived.put(item)


@contextmanager
def reading(source: Callable[[], AsyncIterator[T]]) -> Iterator[Reading[T]]:
    """Read a source in the background for as long as the block lasts."""
    found = Reading(source)
    found.start()
    try:
        yield found
    finally:
        found.close()
