from pathlib import Path

import pytest

from agents import example_repository
from agents.tools import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An agent's place to work in: a clone of the example with a home beside it."""
    example_repository.make(tmp_path / "checkout")
    return Workspace(path=tmp_path / "checkout", home=tmp_path / "home")
