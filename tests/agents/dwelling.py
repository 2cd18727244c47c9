"""A house that really runs and whose agents ask a fake Messages API; the test lives in it, too."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import connection, connections

from agents import example_repository, leases, rehearsing
from agents.models import Turn
from agents.policy import script as scripts
from agents.rehearsing import Stage
from hub import embedded, identify, registry
from hub.models import Project, User
from hub.settings import database
from tests.hub.running import House

from .fake_messages import Behaviour
from .fake_rules import contents
from .fake_wire import Says

PATIENCE_S = 120
LOOK_S = 0.4
HELD_S = 300.0
Wanted = Callable[[dict[str, Any]], bool]


@contextmanager
def database_of(house: House) -> Iterator[None]:
    """Let this process use the database of a house instead of its own."""
    settings = connection.settings_dict
    theirs = database(embedded.url(house.home))
    own = {name: settings[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    leave()
    settings.update({name: theirs[name] for name in own})
    try:
        yield
    finally:
        leave()
        settings.update(own)


def leave() -> None:
    """Give all connections back, as before the database goes away."""
    connections.close_all()
    connection.close_pool()


def stage_in(house: House) -> Stage:
    """Make a project with the bundled repository whose agents are all played by the provider.

    It has the repository last: a project with one is given its engineering manager by any sweep.
    """
    source = house.home / "source" / "wordcount"
    source.parent.mkdir()
    example_repository.make(source)
    owner, script = User.objects.get(is_superuser=True), scripts.load("wordcount")
    made = registry.call(identify.of_house(owner, "cli"), "project.create", {"name": "Word count"})
    person = identify.of_user(owner, made["slug"], "cli")
    ways = {"provider": "anthropic", "repository": str(source), "check_command": rehearsing.CHECK}
    registry.call(person, "project.update", ways)
    return Stage(
        project=Project.objects.get(pk=made["id"]),
        script=script,
        person=person,
        source=source,
        objective=script.objective,
    )


def begin(stage: Stage) -> None:
    """Say what is wanted."""
    said = {"channel": "project", "text": stage.objective}
    registry.call(stage.person, "message.post", said, "objective")


def go_on(stage: Stage, until: Callable[[], bool]) -> None:
    """Do what a person has to until something is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline, f"it stands still: {rehearsing.state(stage)}"
        rehearsing.act(stage)
        time.sleep(LOOK_S)


def finish(stage: Stage) -> str:
    """Go on to the end, and until everybody rests; give the reason if it is a bad one.

    The objective is over before the turn is in which somebody says so.
    """
    found: list[str] = []

    def is_over() -> bool:
        problem = rehearsing.over(stage)
        found.extend([] if problem is None else [problem])
        return problem is not None

    go_on(stage, is_over)
    go_on(stage, lambda: bool(found[0]) or all_rest(stage))
    return found[0]


def all_rest(stage: Stage) -> bool:
    """Tell whether nobody is in a turn or due for one."""
    turns = Turn.objects.filter(session__project=stage.project, state="running")
    return not turns.exists() and not leases.waiting("local")


class Holding:
    """Lets an API begin some answers and never end them: the first that each of `wanted` means."""

    def __init__(self, plays: Callable[[dict[str, Any]], Says], *wanted: Wanted) -> None:
        self.plays = plays
        self.wanted = list(wanted)
        self.held: list[dict[str, Any]] = []

    def __call__(self, body: dict[str, Any]) -> Behaviour:
        says = self.plays(body)
        meant = next((one for one in self.wanted if one(body)), None)
        if meant is None:
            return says
        self.wanted.remove(meant)
        self.held.append(body)
        return replace(says, pings_for_s=HELD_S)


def has_just_used(tool: str) -> Wanted:
    """Mean a request in the middle of a turn: the one that gives the results of a tool."""

    def has(body: dict[str, Any]) -> bool:
        before = contents(body["messages"][-2]) if len(body["messages"]) > 1 else []
        return any(block.get("name") == tool for block in before)

    return has


def hears_of(event: str) -> Wanted:
    """Mean a request that tells the news of an event."""

    def hears(body: dict[str, Any]) -> bool:
        told = contents(body["messages"][-1])
        return any(f"] {event} by " in block.get("text", "") for block in told)

    return hears
