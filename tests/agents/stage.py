"""A stage for tests of the agents: a real repository, a project, a person, and shortcuts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import jobs, leases, rehearsing, turns
from agents.models import Session
from agents.rehearsing import Stage
from hub import identify, registry
from hub.actor import Actor
from hub.models.projects import project_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """A stage with what tests do on it."""

    stage: Stage

    @property
    def person(self) -> Actor:
        return self.stage.person

    def act(self, action: str, /, key: str = "", **payload: Any) -> Any:
        """Do an action as the person."""
        return registry.call(self.person, action, payload, key)

    def hub(self) -> Actor:
        return identify.of_hub(self.stage.project.pk)

    def start(self, role: str, **payload: Any) -> Session:
        """Start a session as the person."""
        made = self.act("session.start", role=role, **payload)
        return Session.objects.get(project=self.stage.project, number=made["number"])

    def lease(self) -> leases.Lease:
        """Take the lease of the next due session."""
        lease = leases.claim("local")
        assert lease is not None
        return lease

    def wake(self) -> None:
        jobs.wake(self.stage.project.pk)

    def run_all(self, most: int = 50) -> int:
        """Run turns until nobody is due; tell how many."""
        for count in range(most):
            if not turns.run_next("local"):
                return count
        raise AssertionError("turns never end")

    def lock(self) -> Any:
        return project_lock(self.stage.project.pk)


def build(home: Path, script: str = "wordcount") -> Set:
    return Set(stage=rehearsing.build(script, home))
