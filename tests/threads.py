"""Threads that use the database and give their connection back."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def together(count: int, work: Callable[[int], Any], *, timeout_s: float = 60) -> list[Any]:
    """Run `work(index)` in threads that start at the same moment.

    Gives each one's answer, or the exception it ended with, in their order.
    """
    barrier = threading.Barrier(count)
    answers: list[Any] = [None] * count

    def run(index: int) -> None:
        try:
            barrier.wait(timeout_s)
            answers[index] = work(index)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            answers[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout_s)
    assert not any(thread.is_alive() for thread in threads)
    return answers
