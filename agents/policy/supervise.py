"""What becomes of an objective that nobody works for: a pure ladder of poke, respawn, escalate."""

from dataclasses import dataclass
from enum import StrEnum

QUIET_S = 90
COOLDOWN_S = 90
GENUINE_MANAGERS = 4
SPAWNS = 16


class Rung(StrEnum):
    """What the supervisor does now."""

    NOTHING = "nothing"
    POKE = "poke"
    RESPAWN = "respawn"
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an active objective stands. `waits_for_others` means an open pull request or question.

    `quiet_s` is how long its live leader did nothing, None without one; a leader that is starting,
    at work, due or held by a brake is `is_engaged`. `since_last_s` is the age of the supervisor's
    last step, None when there was none. `genuine` counts the managers that ever took a turn or
    still may, `spawns` all of them.
    """

    live_workers: int = 0
    waits_for_others: bool = False
    is_engaged: bool = False
    quiet_s: float | None = None
    since_last_s: float | None = None
    genuine: int = 0
    spawns: int = 0


def rung(standing: Standing) -> Rung:
    """Choose the step for an objective; most of the time it is to leave it alone."""
    if standing.live_workers or standing.waits_for_others or standing.is_engaged:
        return Rung.NOTHING
    if standing.since_last_s is not None and standing.since_last_s < COOLDOWN_S:
        return Rung.NOTHING
    if standing.quiet_s is not None:
        return Rung.POKE if standing.quiet_s >= QUIET_S else Rung.NOTHING
    if standing.genuine >= GENUINE_MANAGERS or standing.spawns >= SPAWNS:
        return Rung.ESCALATE
    return Rung.RESPAWN
