"""The words at the terminal: they tell to try only what is there, and what costs nothing."""

import socket
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from hub import identify, registry
from hub.management import welcome
from hub.models import User

TRY = "Try this:"


@pytest.fixture
def door(db: None, tmp_path, settings: Settings) -> Iterator[socket.socket]:
    settings.PARLEY_HOME = tmp_path
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def words(door: socket.socket) -> str:
    return welcome.hall(door, 0.0).words


def test_a_house_with_the_demo_project_says_what_to_try_there(door: socket.socket) -> None:
    call_command("seed", verbosity=0)

    assert TRY in words(door)


def test_a_house_without_it_says_nothing_of_it(door: socket.socket) -> None:
    call_command("seed", demo=False, verbosity=0)

    said = words(door)

    assert TRY not in said
    assert "Demo" not in said
    assert "Log in, once:" in said
    assert said.endswith("Ctrl-C stops everything.")


def test_a_demo_that_a_provider_plays_is_not_said_to_cost_nothing(door: socket.socket) -> None:
    call_command("seed", verbosity=0)
    admin = User.objects.get(is_superuser=True)
    person = identify.of_user(admin, "demo", "cli")

    registry.call(person, "project.update", {"provider": "anthropic"})

    assert TRY not in words(door)
