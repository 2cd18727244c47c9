"""From a loop to the database: plain functions run in threads, each with a fresh connection."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connection

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


class Desk:
    """A pool of threads that ask the hub; closing it waits for nobody."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def ask(
        self,
        question: Callable[Parameters, Answer],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Answer:
        """Run a function in a thread. Raises what it raises, RuntimeError once closed."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(_asked, question, *args, **kwargs))

    def close(self) -> None:
        """Take no more questions."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _asked(
    question: Callable[Parameters, Answer], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Answer:
    close_old_connections()
    try:
        return question(*args, **kwargs)
    finally:
        if not connection.in_atomic_block:
            connection.close()
