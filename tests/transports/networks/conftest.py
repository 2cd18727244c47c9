"""Networks that run, and end with the test."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings

from transports import lanes, loopback

from .running import Office


@pytest.fixture(autouse=True)
def _short(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SWEEP_S = 0.3
    settings.NETWORK_LEASE_S = 1
    monkeypatch.setattr(lanes, "HELD_S", 0.5)
    monkeypatch.setattr(loopback, "NETS", {})


@pytest.fixture
def open_office(db: None) -> Iterator[Callable[[], Office]]:
    """Run networks: `open_office()` is one process more."""
    opened: list[Office] = []

    def start() -> Office:
        opened.append(Office().start())
        return opened[-1]

    yield start
    for office in opened:
        office.stop()


@pytest.fixture
def office(open_office: Callable[[], Office]) -> Office:
    return open_office()
