"""Fixtures of the agents' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from agents import checkouts, providers
from agents.models import PullRequest, Session, Workspace
from agents.providers.base import ToolUse
from agents.turns import load
from hub import registry
from hub.actor import Actor
from hub.celery import app
from tests.cast import stopped

from .fake_messages import KEY, FakeMessages
from .marks import Mark
from .offering import FIX, change, offered
from .played import Played
from .purse import counted
from .stage import Set, build

__all__ = ["counted", "stopped"]


@pytest.fixture
def mark() -> Iterator[Mark]:
    """Processes of this test that can be found, and that it leaves to nobody."""
    made = Mark()
    yield made
    made.clear()


@pytest.fixture
def stage(db: None, tmp_path: Path, settings: Settings) -> Set:
    """A project with a real repository that plays the bundled script; jobs go nowhere."""
    settings.PARLEY_HOME = tmp_path
    settings.COALESCE_S = 0
    app.conf.update(broker_url="memory://")
    return build(tmp_path)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch):
    """Put a provider with given answers in the place of the rehearsal."""

    def install(*answers: tuple[str, list[ToolUse]]) -> Played:
        provider = Played(*answers)
        monkeypatch.setattr(providers, "PROVIDERS", {"rehearsal": provider})
        return provider

    return install


@pytest.fixture
def writer(stage: Set) -> Actor:
    """An implementer with a task and a checkout, in a turn."""
    stage.act("task.open", title="Repair the words", name="repair")
    stage.start("implementer", task=1)
    actor = stage.lease().actor()
    registry.call(actor, "turn.begin", {})
    registry.call(actor, "workspace.take", {"write": True})
    session = load(Session.objects.get().pk)
    checkouts.prepare(actor, session, Workspace.objects.get())
    return actor


@pytest.fixture
def approved(stage: Set, writer: Actor) -> PullRequest:
    """A pull request of two commits on the same line, approved by a person, merge ordered."""
    change(writer, FIX[0], 'WORD = re.compile(r"[a-z]*")')
    change(writer, 'WORD = re.compile(r"[a-z]*")', FIX[1])
    row = offered(stage, writer)
    stage.act("pull.review", pull=row.number, verdict="approve")
    stage.act("pull.merge", pull=row.number)
    row.refresh_from_db()
    return row


@pytest.fixture
def api(settings: Settings) -> Iterator[FakeMessages]:
    """A Messages API on loopback that the anthropic provider talks to."""
    with FakeMessages() as api:
        settings.ANTHROPIC_BASE_URL = api.url
        settings.ANTHROPIC_API_KEY = KEY
        yield api
