"""A person's repository and the hub's office over it."""

from pathlib import Path

import pytest

from tests.agents.repositories import Office, Person, make_office, make_person


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Make a person's repository with one commit on main."""
    return make_person(tmp_path / "person")


@pytest.fixture
def office(tmp_path: Path, person: Person) -> Office:
    """Mirror the person's repository and make a checkout of it."""
    return make_office(tmp_path, person)
