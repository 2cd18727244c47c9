"""Fixtures of the agents' tests."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from hub.celery import app

from .stage import Set, build


@pytest.fixture
def stage(db: None, tmp_path: Path, settings: Settings) -> Set:
    """A project with a real repository that plays the bundled script; jobs go nowhere."""
    settings.PARLEY_HOME = tmp_path
    app.conf.update(broker_url="memory://")
    return build(tmp_path)
