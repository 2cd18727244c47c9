"""Fixtures of all tests: a database with real commits, and no network but this machine's."""

import ipaddress
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.django_compat import is_django_unittest
from pytest_django.plugin import DjangoDbBlocker

from tests import database


class NetworkIsClosed(RuntimeError):
    """A test tried to talk to another machine."""


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Make this worker's database."""
    with django_db_blocker.unblock():
        database.make_clone()
    yield
    with django_db_blocker.unblock():
        database.close()


@pytest.fixture
def _django_db_helper(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Let the test use the database with real commits, and empty it afterwards.

    All of `db`, `transactional_db` and `@pytest.mark.django_db` come down to this fixture. There is
    no transaction around the test, so `on_commit`, threads and other processes work as in life.
    """
    if is_django_unittest(request):
        yield
        return
    with django_db_blocker.unblock():
        yield
        database.reset()


def require_program(name: str) -> str:
    """Return the path of a program; skip the test without it, or fail where it must be there.

    PARLEY_REQUIRE is a comma list of the programs that must be there.
    """
    path = shutil.which(name)
    if path is None:
        if name in os.environ.get("PARLEY_REQUIRE", "").split(","):
            pytest.fail(f"{name} is missing, and PARLEY_REQUIRE lists it", pytrace=False)
        pytest.skip(f"needs {name}")
    return path


def pytest_configure(config: pytest.Config) -> None:
    """Close the network; an audit hook sees every socket that Python opens, also asyncio's."""
    sys.addaudithook(_refuse_network)


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        peer, address = arguments
        if peer.family in {socket.AF_INET, socket.AF_INET6} and address:
            _refuse_host(address[0])
    elif event == "socket.getaddrinfo":
        _refuse_host(arguments[0])


def _refuse_host(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host or "localhost"
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        is_near = name in {"localhost", socket.gethostname()}
    else:
        is_near = address.is_loopback or address.is_unspecified
    if not is_near:
        raise NetworkIsClosed(f"Tests talk to this machine only, not to {name}.")
