"""What a browser test needs of a running Parley: people, projects, ways in, things to wait for."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client

from agents import example_repository
from hub import identify, registry
from hub.actions import members
from hub.actor import Actor
from hub.models import HOUSE, Project, User
from hub.models.projects import project_lock
from hub.web.accounts import enter_path
from tests.hub.running import House

CHECK = "python3 -m unittest -q"
PATIENCE_S = 120.0

_numbers = itertools.count(1)


@dataclass(kw_only=True)
class Office:
    """One project and its people; the first of them owns it."""

    house: House
    slug: str
    people: dict[str, User] = field(default_factory=dict)

    @property
    def project(self) -> Project:
        return Project.objects.get(slug=self.slug)

    def actor(self, name: str) -> Actor:
        return identify.of_user(self.people[name], self.slug, "cli")

    def act(self, name: str, action: str, /, **payload: Any) -> Any:
        """Do an action as one of the people, from outside of the browser."""
        return registry.call(self.actor(name), action, payload)

    def link(self, name: str) -> str:
        """Make a link that logs a person in once."""
        person = User.objects.get(pk=self.people[name].pk)
        return self.house.url + enter_path(person)

    def cookie(self, name: str) -> Any:
        """Make a person's login cookie, as the login page would."""
        client = Client()
        client.force_login(self.people[name])
        value = client.cookies[settings.SESSION_COOKIE_NAME].value
        return {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": self.house.url}

    def url(self, path: str = "") -> str:
        return f"{self.house.url}/p/{self.slug}/{path}"

    def channel(self, name: str = "project") -> str:
        row = self.project.channels.get(name=name)
        return self.url(f"c/{row.number}/")


def open_office(house: House, *names: str, team: bool = False, title: str = "Word count") -> Office:
    """Make a project with people; with a `team`, agents follow the bundled script in it."""
    number = next(_numbers)
    people = {name: _person(name, number) for name in names}
    owner = people[names[0]]
    with project_lock(HOUSE) as lock:
        members.add(identify.of_hub(HOUSE).at(lock.now), owner.username, "owner", user_id=owner.pk)
    wanted: dict[str, Any] = {"name": f"{title} {number}" if number > 1 else title}
    if team:
        source = Path(house.home) / "sources" / str(number) / "wordcount"
        source.parent.mkdir(parents=True)
        example_repository.make(source)
        wanted |= {"repository": str(source), "check_command": CHECK, "script": "wordcount"}
    made = registry.call(identify.of_house(owner, "cli"), "project.create", wanted)
    office = Office(house=house, slug=made["slug"], people=people)
    for name in names[1:]:
        office.act(names[0], "member.invite", username=people[name].username)
    return office


def _person(name: str, number: int) -> User:
    return User.objects.create_user(f"{name.lower()}{number}", display_name=name)


def wait_until(fact: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait until something is true and return it; the test fails with `what` otherwise."""
    deadline = time.monotonic() + patience_s
    while not (found := fact()):
        assert time.monotonic() < deadline, f"waited {patience_s:g} s for {what}"
        time.sleep(0.1)
    return found
