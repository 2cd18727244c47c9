"""Keeping a timed hold of something while work is done, and noticing when it is lost."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import Error, connection

from agents import processes
from agents.processes import Child

LOOK_S = 1.0  # a hold that was ended from outside, or a stop of everything, is noticed this soon

logger = logging.getLogger(__name__)


class Keeper:
    """Renews a hold every third of its length, in a thread of its own.

    `look` is called with True to renew and with False to only look; it tells whether the hold
    is still ours. `lost` is set when it is not, and when for two thirds of its length nothing
    could be renewed: a holder stops before somebody else may begin. The program that is being
    watched is killed then. `brake` says why the work has to break off although the hold is ours;
    the program is killed then too, and the hold is renewed until its holder lets go. `give_up`
    is asked at each look, too, and says why an answer that is being waited for has to be given
    up; nothing else stops for it.
    """

    def __init__(
        self,
        name: str,
        length_s: float,
        look: Callable[[bool], bool],
        brake: Callable[[], str] = str,
        give_up: Callable[[], str] = str,
    ) -> None:
        self.name = name
        self.lost = threading.Event()
        self._look = look
        self._brake = brake
        self._give_up = give_up
        self._reason = ""
        self._why = ""
        self.killed = False
        self._third_s = length_s / 3
        self._renewed_at = time.monotonic()
        self._child: Child | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"keep {name}", daemon=True)

    def __enter__(self) -> "Keeper":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def stop(self) -> str:
        """Say why whoever holds this has to stop at once; nothing while it may go on."""
        return self._reason or self._why

    def watch(self, child: Child) -> None:
        """Kill this program when the hold is lost; the next one takes its place."""
        self._child, self.killed = child, False
        if self._reason:
            self.killed = processes.kill(child)

    def _halt(self, reason: str) -> None:
        self._reason = reason
        if self._child is not None:
            self.killed = processes.kill(self._child)

    def _run(self) -> None:
        while not self._stop.wait(min(LOOK_S, self._third_s)):
            if not self._is_ours():
                logger.warning("%s is no longer ours", self.name)
                self.lost.set()
                self._halt("the session was ended, or another worker took it")
                return

    def _is_ours(self) -> bool:
        at = time.monotonic()
        renew = at - self._renewed_at >= self._third_s
        try:
            ours = self._look(renew)
            reason = self._brake() if ours and not self._reason else ""
            self._why = self._give_up()
        except Error as error:
            logger.warning("%s is not renewed: %s", self.name, error)
            return time.monotonic() - self._renewed_at < 2 * self._third_s
        finally:
            connection.close()
        if renew:
            self._renewed_at = at
        if reason:
            logger.warning("%s breaks off: %s", self.name, reason)
            self._halt(reason)
        return ours
