"""The story on real servers: workers on two "machines", Postgres, Redis and a broker."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from agents import rehearsing
from agents.models import PullRequest
from tests.hub.running import ROOT, House

pytestmark = pytest.mark.services
PATIENCE_S = 150


@pytest.fixture
def servers() -> dict[str, str]:
    """The addresses of the servers; the run with services sets them."""
    names = ("REDIS_URL", "CELERY_BROKER_URL")
    if not all(os.environ.get(name) for name in names):
        pytest.skip("needs REDIS_URL and CELERY_BROKER_URL")
    return {name: os.environ[name] for name in (*names, "DATABASE_URL")}


class Machine(House):
    """A house without a web server: its parts, and nothing shared but the servers."""

    def run(self, *roles: str) -> None:
        """Start some parts and wait until each of them has begun."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--no-demo", "--roles", ",".join(roles)],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        for role in roles:
            self.said(rf"{role} started")


@pytest.fixture
def workshop(db: None, servers: dict[str, str]) -> Iterator[Machine]:
    """The machine with the checkouts; another one runs the short jobs, beat and the doorbell."""
    key = "a key that both machines know, for tests only, of fifty characters"
    office = Machine(**servers, PARLEY_SECRET_KEY=key)
    workshop = Machine(**servers, PARLEY_SECRET_KEY=key)
    try:
        office.run("jobs", "beat", "bell", "transports")
        workshop.run("sessions")
        yield workshop
        office.interrupt()
        workshop.interrupt()
    finally:
        office.demolish()
        workshop.demolish()


def test_the_story_runs_on_several_machines(workshop: Machine, settings: Settings) -> None:
    settings.PARLEY_HOME = workshop.home
    stage = rehearsing.build("wordcount", workshop.home)
    said = {"channel": "project", "text": stage.script.objective}
    rehearsing.registry.call(stage.person, "message.post", said)

    deadline = time.monotonic() + PATIENCE_S
    done = None
    while done is None and time.monotonic() < deadline:
        done = rehearsing.over(stage)
        rehearsing.act(stage)
        time.sleep(0.2)

    assert done == "", rehearsing.state(stage)
    assert PullRequest.objects.filter(state="merged").count() == 2
