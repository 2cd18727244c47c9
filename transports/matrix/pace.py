"""How fast one account may speak, learnt from what a homeserver refuses."""

import time

FAST_PER_S, FAST_BURST = 5.0, 10
SLOW_PER_S = 0.05
TRUST_AFTER = 20  # sendings without a refusal, until it is tried faster again


class Pace:
    """The rate of a plain account; until a refusal is over nothing may be asked."""

    def __init__(self) -> None:
        self.per_s = FAST_PER_S
        self.burst = FAST_BURST
        self._until = 0.0
        self._good = 0

    def refused(self, after_s: float) -> None:
        """Learn that one more was too many, and when the next one is not."""
        self._until = time.monotonic() + after_s
        self.per_s = max(min(self.per_s, 1 / after_s), SLOW_PER_S)
        self.burst, self._good = 1, 0

    def taken(self) -> None:
        """Learn that one was not too many."""
        self._good += 1
        if self._good >= TRUST_AFTER:
            self.per_s, self._good = min(self.per_s * 2, FAST_PER_S), 0

    def left_s(self) -> float:
        """Say how long nothing may be asked."""
        return max(self._until - time.monotonic(), 0.0)
