"""Who acts: ids and rights only, never rows, so that it can cross threads and processes."""

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One member of one project, as known at an entry point.

    `run_id` and `epoch` fence a session's writes: `registry.call` refuses a stale pair.
    `cause` names what made the member act ("message:812"); it is written into the log.
    """

    member_id: int
    project_id: int
    entry: str
    capabilities: frozenset[str]
    user_id: int | None = None
    run_id: int | None = None
    epoch: int = 0
    cause: str = ""
    clock: datetime | None = None

    @property
    def now(self) -> datetime:
        """Give the moment of this call: the database's clock, read with the project lock."""
        assert self.clock is not None, "an actor has a clock only inside registry.call"
        return self.clock

    def at(self, now: datetime) -> "Actor":
        """Give the same actor at a moment, as a lock's holder does for direct calls."""
        return replace(self, clock=now)

    def may(self, capability: str) -> bool:
        """Tell whether the member holds a capability."""
        return capability in self.capabilities
