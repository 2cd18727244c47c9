"""Named points at which a test lets the process die, as by SIGKILL; in life they do nothing.

`PARLEY_FAULT=point:n` ends the process at the n-th pass of a point. Only what is declared here
can be passed, so that a test can try every point there is.
"""

import os
import threading
from collections.abc import Callable
from typing import Final

EXIT_CODE: Final = 137  # what a shell reports of a program that SIGKILL ended

# What has just happened when the point is passed. A `before` that ends in a commit tests the
# other side of it: nothing of the transaction may be left.
POINTS: Final[dict[str, str]] = {
    "turn.claimed": "a worker holds the session's lease",
    "turn.begun": "the turn is begun, its checkout not taken",
    "turn.taken": "the session is its checkout's only writer",
    "turn.mirrored": "the hub's repository is fresh, the checkout not made",
    "turn.cloned": "the checkout stands, and is not reported",
    "turn.read": "the prompt is stored",
    "turn.asking": "the provider is about to be asked",
    "turn.answered": "the provider has answered, and nothing is stored",
    "turn.stored": "the answer is stored, no call of it has run",
    "call.begun": "a call that may not be repeated is about to run",
    "call.started": "its program runs and is recorded",
    "call.done": "the effect is there, its result is not stored",
    "call.stored": "a call's result is stored",
    "commit.made": "the hub's repository has a commit that nobody reported",
    "commit.reported": "a commit is reported, the agent's clone does not see it",
    "turn.saved": "what the turn left is committed, the session still its checkout's writer",
    "turn.left": "others may write in the checkout, the turn is not ended",
    "turn.ended": "the turn is ended, the lease not let go",
    "turn.released": "the lease is let go",
    "merge.claimed": "a job holds the pull request",
    "merge.compared": "what a pull request offers is known, and not reported",
    "merge.prepared": "what a pull request offers is reported",
    "merge.mirrored": "the base branch is fresh",
    "merge.rebased": "the result is made, and not checked",
    "merge.checked": "the check command has passed",
    "merge.noted": "it is written what is about to be published",
    "merge.pushed": "the source has the commit, the hub's branch has not",
    "merge.published": "both have the commit, and nobody reported",
    "merge.reported": "the merge is reported",
    "message.taken": "a message with commands is stored, none of them carried out",
    "message.command": "the next command of a message is about to be carried out",
    "message.handled": "all are carried out, and nothing is committed",
    "message.closed": "what the commands did is committed",
    "sweep.messages": "the hub's sweep has finished half-handled messages",
    "sweep.lapsed": "the hub's sweep has let lapse what is over",
    "sweep.claims": "the agents' sweep has renewed the claims of live sessions",
    "sweep.staffed": "the agents' sweep has given projects their managers",
    "sweep.retired": "the agents' sweep has ended the sessions of who was retired",
    "sweep.composed": "the agents' sweep has composed the hand-offs that nobody wrote",
    "sweep.woken": "the agents' sweep has made due who has to read",
    "sweep.guarded": "the agents' sweep has paused what runs in circles",
    "sweep.supervised": "the agents' sweep has looked after objectives without a worker",
    "wake.read": "whoever has to read is due, the log's cursor has not moved",
}

_hook: Callable[[str], object] | None = None


def passed(point: str) -> None:
    """Pass a point: nothing happens unless a test has asked for it."""
    if _hook is not None:
        _hook(point)


def arm(text: str) -> None:
    """Die at the n-th pass of a point, for `point:n`; an empty text lets everybody live.

    Raises ValueError, in words, for a point that does not exist or a number that is none.
    """
    global _hook
    point, _, number = text.partition(":")
    if not text:
        _hook = None
        return
    if point not in POINTS:
        raise ValueError(f"there is no fault point {point!r}")
    if not number.isdecimal() or int(number) < 1:
        raise ValueError(f"after {point}: comes the number of the pass, from 1, not {number!r}")
    _hook = _Fuse(point, int(number))


def listen(hook: Callable[[str], object] | None) -> None:
    """Hear of every pass instead; for tests."""
    global _hook
    _hook = hook


class _Fuse:
    """Ends the process, with all its threads and without a word, when its turn has come."""

    def __init__(self, point: str, number: int) -> None:
        self._point, self._left = point, number
        self._guard = threading.Lock()

    def __call__(self, point: str) -> None:
        if point != self._point:
            return
        with self._guard:
            self._left -= 1
            if self._left == 0:
                os._exit(EXIT_CODE)
