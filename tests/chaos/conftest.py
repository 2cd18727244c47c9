"""Fixtures of the chaos: a house whose workers are programs of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from agents import rehearsing
from agents.policy import script as scripts
from agents.rehearsing import Stage
from hub.celery import app
from tests.agents.stage import Set

from .children import Nursery
from .playing import SHORT

QUICK = {"PARLEY_LEASE_S": "1", "PARLEY_SWEEP_S": "0.5", "PARLEY_PULL_LEASE_S": "1"}


@pytest.fixture(scope="session")
def nursery(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """The program that forks workers; leases and sweeps take a second there."""
    nursery = Nursery(tmp_path_factory.mktemp("nursery"), **QUICK)
    yield nursery
    nursery.close()


@dataclass(frozen=True)
class House:
    """A project with a real repository, and workers to be killed."""

    nursery: Nursery
    stage: Stage
    home: Path

    @property
    def set(self) -> Set:
        return Set(stage=self.stage)

    @property
    def where(self) -> dict[str, object]:
        return {"home": str(self.home), "project": self.stage.project.pk}


@pytest.fixture
def house(
    db: None,
    nursery: Nursery,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    """A house that plays the short story; its jobs go nowhere."""
    settings.PARLEY_HOME = tmp_path
    monkeypatch.setattr(scripts, "FOLDER", Path(__file__).parent)
    app.conf.update(broker_url="memory://")
    return House(nursery=nursery, stage=rehearsing.build(SHORT, tmp_path), home=tmp_path)
