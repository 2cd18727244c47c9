"""Rehearsed agents: the script that they play, how they are hired, spoken to and waited for."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Min, QuerySet

from agents.models import Turn, TurnState
from bench.stage import Stage, build
from bench.wire import Caller
from hub import registry
from hub.models import Event

SCRIPT = "bench"
PLACE = "answers"
TOLD = "Please look at the parser once more."
STEPS = 120  # as many model calls as a session may make within an hour
LOOK_S = 0.05
PATIENCE_S = 120.0
HEAD = 'title = "Bench"\nobjective = "Answer whoever asks."\n'
# A reviewer answers with words, a tester with a tool call and then the end of its turn. What they
# say names nobody: they would wake each other.
PARTS = """
[[parts.reviewer]]
wait = { name = "message.posted" }
say = "I have looked, as message {news.message} asks."

[[parts.tester]]
wait = { name = "message.posted" }
[[parts.tester.call]]
tool = "message_post"
channel = "answers"
text = "I have looked, as message {news.message} asks."
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Rehearsed agents of one project, asleep, by their names."""

    stage: Stage
    names: list[str]
    address: tuple[str, int]

    def say(self, *names: str) -> datetime:
        """Speak to some of them over HTTP, as another agent; gives the event's time."""
        called = " ".join(f"@{name}" for name in names)
        caller = Caller(self.address, self.stage.tokens[0])
        try:
            words = {"channel": self.stage.channel, "text": f"{called} {TOLD}"}
            said = json.loads(caller.call("message.post", words))
        finally:
            caller.close()
        event = Event.objects.get(project_id=self.stage.project_id, seq=said["number"])
        return event.at

    def turns(self, after: datetime, *names: str) -> QuerySet[Turn]:
        """Select the turns that some, or all of them, began after a moment."""
        rows = Turn.objects.filter(session__project_id=self.stage.project_id, started_at__gte=after)
        return rows.filter(session__member__name__in=names) if names else rows

    def wait_for(self, after: datetime, *names: str) -> None:
        """Wait until some, or all, have had a turn since a moment. Raises RuntimeError."""
        wanted, deadline = len(names or self.names), time.monotonic() + PATIENCE_S
        while self.turns(after, *names).filter(state=TurnState.DONE).count() < wanted:
            failed = self.turns(after, *names).filter(state=TurnState.FAILED).first()
            if failed is not None:
                raise RuntimeError(f"a turn failed: {failed.error}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"not all {wanted} had a turn after {PATIENCE_S:.0f} s")
            time.sleep(LOOK_S)

    def spans(self, after: datetime) -> list[tuple[datetime, datetime]]:
        """Tell when each of their turns since a moment began and ended; all are over."""
        rows = self.turns(after)
        return [(row.started_at, row.ended_at) for row in rows if row.ended_at is not None]

    def first_start(self, after: datetime, name: str) -> datetime:
        """Tell when one of them first began a turn since a moment."""
        found: datetime = self.turns(after, name).aggregate(at=Min("started_at"))["at"]
        return found


def write_script() -> None:
    """Write what the agents play to where bench.worker looks for it."""
    path = Path(settings.PARLEY_HOME) / "scripts" / f"{SCRIPT}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEAD + PARTS * STEPS, encoding="utf-8")


def hire(address: tuple[str, int], name: str, role: str, count: int) -> Team:
    """Make a project with rehearsed agents, and let each have its first turn and fall asleep."""
    stage = build(name, 1, script=SCRIPT)
    registry.call(stage.owner, "channel.create", {"name": PLACE, "kind": "work"})
    began = Event.objects.filter(project_id=stage.project_id).latest("seq").at
    made = [registry.call(stage.owner, "session.start", {"role": role}) for _ in range(count)]
    team = Team(stage=stage, names=[one["agent"] for one in made], address=address)
    team.wait_for(began)
    return team
