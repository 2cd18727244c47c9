"""The sessions worker says itself that it lives, however busy it is."""

from types import SimpleNamespace

import pytest

from agents import heartbeat
from agents.models import Target
from hub import clock
from hub.web import health


def worker(*queues):
    consumed = dict.fromkeys(queues)
    return SimpleNamespace(
        app=SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=consumed)))
    )


@pytest.fixture
def begun(monkeypatch):
    """The names of the threads that begin, which here never run."""
    names = []
    made = lambda target, name, daemon: SimpleNamespace(start=lambda: names.append(name))  # noqa: E731
    monkeypatch.setattr(heartbeat, "Thread", made)
    return names


def test_a_beat_is_what_readyz_and_the_target_show(db, settings):
    Target.objects.update_or_create(name=settings.PARLEY_TARGET, defaults={"slots": 1})
    settings.SESSION_SLOTS = 7
    now = clock.now()

    heartbeat.beat(now)

    here = Target.objects.get(name=settings.PARLEY_TARGET)
    assert (here.seen_at, here.slots) == (now, 7)
    assert health.heartbeat(heartbeat.HEARTBEAT).ok


@pytest.mark.parametrize(
    ("queue", "expected"),
    [("sessions.local", ["heartbeat"]), ("jobs", []), ("sessions.elsewhere", [])],
)
def test_only_a_worker_of_this_hosts_sessions_beats(begun, settings, queue, expected):
    settings.PARLEY_TARGET = "local"

    heartbeat.begin(worker(queue))

    assert begun == expected
