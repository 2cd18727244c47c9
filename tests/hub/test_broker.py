"""The broker of files: jobs and tables are whole or not there, and the first sweeps are due."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection, Exchange, Queue

from hub.celery import PromptScheduler, app, broker_options

JOBS = 400
PRODUCERS = 2
CONSUMERS = 2
PATIENCE_S = 30


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Connection]:
    options = {**broker_options("filesystem://", tmp_path), "polling_interval": 0.001}
    with Connection("filesystem://", transport_options=options) as connection:
        yield connection


def test_folders_are_made_when_they_are_used_and_are_private(broker, tmp_path):
    assert not (tmp_path / "broker").exists()

    broker.connect()

    assert {folder.name for folder in (tmp_path / "broker").iterdir()} == {"queue", "control"}
    assert (tmp_path / "broker" / "queue").stat().st_mode & 0o777 == 0o700


def test_busy_readers_take_every_job_once_and_whole(broker):
    taken: list[int] = []
    deadline = time.monotonic() + PATIENCE_S

    def produce(first: int) -> None:
        with broker.clone() as own:
            queue = own.SimpleQueue("jobs")
            for number in range(first, JOBS, PRODUCERS):
                queue.put({"number": number, "ballast": "x" * 2_000})

    def consume() -> None:
        with broker.clone() as own:
            queue = own.SimpleQueue("jobs", no_ack=True)
            while len(taken) < JOBS and time.monotonic() < deadline:
                with suppress(Empty):
                    taken.append(queue.get(timeout=0.05).payload["number"])

    consumers = [threading.Thread(target=consume) for _ in range(CONSUMERS)]
    producers = [threading.Thread(target=produce, args=(first,)) for first in range(PRODUCERS)]
    for thread in (*consumers, *producers):
        thread.start()
    for thread in (*producers, *consumers):
        thread.join()

    assert sorted(taken) == list(range(JOBS))


def test_queues_that_are_declared_at_once_all_get_their_row(broker):
    names = [f"queue{number}" for number in range(8)]
    barrier = threading.Barrier(len(names))

    def declare(name: str) -> None:
        with broker.clone() as own:
            channel = own.channel()
            barrier.wait()
            Queue(name, Exchange("office"), routing_key=name)(channel).declare()

    threads = [threading.Thread(target=declare, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    table = broker.channel().get_table("office")
    assert sorted(row.queue for row in table) == names


def test_connections_that_begin_together_lose_no_job(broker):
    barrier = threading.Barrier(PRODUCERS * 4)

    def send() -> None:
        with broker.clone() as own:
            barrier.wait()
            own.SimpleQueue("jobs").put({})

    threads = [threading.Thread(target=send) for _ in range(barrier.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert broker.SimpleQueue("jobs").qsize() == barrier.parties


def test_a_queue_that_is_declared_twice_has_one_row(broker):
    queue = Queue("jobs", Exchange("office"), routing_key="jobs")(broker.channel())

    queue.declare()
    queue.declare()

    assert len(broker.channel().get_table("office")) == 1


def test_other_brokers_are_left_as_they_are(tmp_path):
    assert "data_folder_in" not in broker_options("redis://localhost:6379/0", tmp_path)


def test_every_sweep_is_due_as_soon_as_beat_begins():
    scheduler = PromptScheduler(app=app, lazy=True)
    scheduler.setup_schedule()

    due = {name: entry.is_due().is_due for name, entry in scheduler.schedule.items()}

    assert {"hub.jobs.sweep", "agents.jobs.sweep"} <= set(due)
    assert all(due.values())
