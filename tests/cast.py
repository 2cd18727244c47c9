"""The people and agents of the tests: Ada's team lands on the moon, Eve plays elsewhere.

moon: ada (owner, a login), grace (person, a login), joan (guest, a login); agents em, mina
(manager), ivo (implementer), rhea (reviewer). mars: eve (owner, another login).
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from hub import clock, identify, registry
from hub.actions import members
from hub.actor import Actor
from hub.models import HOUSE, Event, Member, Project, User
from hub.models.projects import project_lock


def act(actor: Actor, action: str, /, *, key: str = "", **payload: Any) -> Any:
    """Do an action as an entry point does: plain values in, plain values out."""
    return registry.call(actor, action, payload, key)


def log_end(actor: Actor) -> int:
    """Give the last number of the actor's log, to compare with later."""
    return Event.objects.filter(project_id=actor.project_id).count()


def logged(actor: Actor, after: int) -> list[str]:
    """List the names of the events that came since."""
    rows = Event.objects.filter(project_id=actor.project_id, seq__gt=after).order_by("seq")
    return list(rows.values_list("name", flat=True))


def last_event(actor: Actor) -> Event:
    row = Event.objects.filter(project_id=actor.project_id).order_by("-seq").first()
    assert row is not None
    return row


def without(actor: Actor, capability: str) -> Actor:
    """Take one right from an actor, as a token with narrower scopes does."""
    return replace(actor, capabilities=actor.capabilities - {capability})


def member_of(actor: Actor) -> Member:
    return Member.objects.get(pk=actor.member_id)


def actor_named(project: Project, name: str) -> Actor:
    return identify.of_member(Member.objects.get(project=project, name=name), "test")


def login(name: str) -> User:
    return User.objects.create_user(name, password=None)


def found(name: str, owner: str) -> Project:
    """Make a project through the house, with a login that owns it."""
    house = replace(identify.of_hub(HOUSE, "test"), user_id=login(owner).pk)
    answer = act(house, "project.create", name=name)
    return Project.objects.get(pk=answer["id"])


def invite(owner: Actor, name: str, role: str) -> Actor:
    login(name)
    act(owner, "member.invite", username=name, role=role)
    return actor_named(Project.objects.get(pk=owner.project_id), name)


def hire(project: Project, name: str, role: str) -> Actor:
    """Add an agent, as a session's start does."""
    with project_lock(project.pk) as lock:
        row = members.add(identify.of_hub(project.pk).at(lock.now), name, role)
    return identify.of_member(row, "test")


class Clock:
    """The one clock, stopped; `pass_s` lets time go by."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self, _: datetime | None = None) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def stopped(db: None, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock at this moment."""
    stopped = Clock(clock.now())
    monkeypatch.setattr(clock, "now", stopped.now)
    return stopped


@pytest.fixture
def moon(db: None) -> Project:
    return found("moon", "ada")


@pytest.fixture
def ada(moon: Project) -> Actor:
    return actor_named(moon, "ada")


@pytest.fixture
def grace(ada: Actor) -> Actor:
    return invite(ada, "grace", "person")


@pytest.fixture
def joan(ada: Actor) -> Actor:
    return invite(ada, "joan", "guest")


@pytest.fixture
def em(moon: Project) -> Actor:
    return hire(moon, "em", "em")


@pytest.fixture
def mina(moon: Project) -> Actor:
    return hire(moon, "mina", "manager")


@pytest.fixture
def ivo(moon: Project) -> Actor:
    return hire(moon, "ivo", "implementer")


@pytest.fixture
def rhea(moon: Project) -> Actor:
    return hire(moon, "rhea", "reviewer")


@pytest.fixture
def mars(db: None) -> Project:
    return found("mars", "eve")


@pytest.fixture
def eve(mars: Project) -> Actor:
    return actor_named(mars, "eve")


@pytest.fixture
def hub(moon: Project) -> Actor:
    """Parley itself in moon."""
    return identify.of_hub(moon.pk, "test")
