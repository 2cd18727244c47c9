"""/healthz says that the process lives, /readyz names the part that is down."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from hub import clock, jobs
from hub.actions import events
from hub.models import HOUSE
from hub.web import health

FRESH = {"beat", "sessions", "bell", "transports"}


@pytest.fixture
def heartbeats(db):
    """All heartbeats were a moment ago."""
    for reader in FRESH:
        events.advance_cursor(HOUSE, reader, int(clock.now().timestamp()))


def later(monkeypatch, seconds):
    now = clock.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(clock, "now", lambda read=None: now)


def test_healthz_needs_no_database(client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_readyz_is_200_when_every_part_works(client, heartbeats):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert {name for name, part in answer.json()["parts"].items() if part["ok"]} == {
        "database",
        "migrations",
        "jobs",
        "sessions",
        "doorbell",
        "transports",
    }


@pytest.mark.parametrize("part", ["jobs", "sessions", "doorbell", "transports"])
def test_a_part_that_never_ran_is_named(client, db, part):
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["parts"][part] == {"ok": False, "note": "not seen yet"}


def test_a_heartbeat_of_three_sweeps_ago_still_counts(client, heartbeats, monkeypatch, settings):
    later(monkeypatch, settings.SWEEP_S * 3)

    assert client.get("/readyz").status_code == 200


def test_a_heartbeat_older_than_three_sweeps_does_not_count(
    client, heartbeats, monkeypatch, settings
):
    later(monkeypatch, settings.SWEEP_S * 3 + 3)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["parts"]["jobs"]["ok"] is False
    assert answer.json()["parts"]["jobs"]["note"].endswith(" s ago")


def test_the_sweep_is_the_heartbeat_of_jobs(db):
    jobs.sweep()

    assert health.heartbeat("beat").ok


def test_a_missing_migration_is_named(client, heartbeats):
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("hub", "0001_initial")
    try:
        answer = client.get("/readyz")
    finally:
        recorder.record_applied("hub", "0001_initial")

    assert answer.status_code == 503
    assert answer.json()["parts"]["migrations"] == {
        "ok": False,
        "note": "1 wait: run manage.py migrate",
    }


def test_a_database_that_is_gone_is_named_within_three_seconds(client, db, monkeypatch):
    gone = {"host": "/nonexistent", "dbname": "parley", "user": "parley"}
    monkeypatch.setattr(connection, "get_connection_params", lambda: dict(gone))
    began = clock.now()

    answer = client.get("/readyz")

    parts = answer.json()["parts"]
    assert answer.status_code == 503
    assert "No such file or directory" in parts["database"]["note"]
    assert parts["jobs"]["note"] == "unknown without the database"
    assert (clock.now() - began).total_seconds() < 3


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_is_only_read_and_never_kept(client, heartbeats, path):
    assert client.post(path).status_code == 405
    assert "no-store" in client.get(path)["Cache-Control"]
