"""What the test run itself promises: the house comes back, and no run leaves anything behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import ProgrammingError, connection
from django.utils import timezone

from hub import embedded
from hub.models import Event, Member, Project, ProjectClock
from tests import database

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def nested(tmp_path, monkeypatch):
    """Start pytest on interrupted.py in a process group of its own; returns (process, mark)."""
    started = []

    def start(*more, wait_s, url=""):
        options = ["-q", "-p", "no:cacheprovider", *more]
        kept = {name: text for name, text in os.environ.items() if not is_of_this_run(name)}
        mark = tmp_path / "mark"
        given = {"PARLEY_TEST_MARK": str(mark), "PARLEY_TEST_WAIT_S": str(wait_s)}
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, "tests/hub/interrupted.py"],
            env={**kept, **given, **({"DATABASE_URL": url} if url else {})},
            cwd=ROOT,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=hears_interrupts,
        )
        started.append(process)
        return process, mark

    with (tmp_path / "said").open("w") as said:
        yield start
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def hears_interrupts() -> None:
    """Undo what a shell does to what it starts in the background: that ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def is_of_this_run(name: str) -> bool:
    return name.startswith(("PARLEY_", "PYTEST_", "COV_")) or name == "DATABASE_URL"


def said_by(mark: Path) -> str:
    return (mark.parent / "said").read_text()


def marked(process, mark) -> tuple[Path, str]:
    """Wait until the nested test is in its wait; returns its run's folder and its database."""
    deadline = time.monotonic() + 90
    while not (mark.exists() and mark.read_text().endswith("\n")):
        assert process.poll() is None, said_by(mark)
        assert time.monotonic() < deadline
        time.sleep(0.05)
    folder, name = mark.read_text().split()
    return Path(folder), name


def test_the_settings_were_read_with_the_database_and_home_of_this_process(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone()

    assert os.environ["DATABASE_URL"] == settings.DATABASE_URL
    assert settings.DATABASES["default"]["NAME"] == name
    assert Path(os.environ["PARLEY_HOME"]) == settings.PARLEY_HOME
    assert settings.PARLEY_HOME.is_relative_to(os.environ["PARLEY_TEST_RUN"])
    assert settings.SECRET_KEY == os.environ["PARLEY_SECRET_KEY"] != ""


def test_the_house_is_as_the_migrations_made_it_whatever_a_test_did(db):
    before = list(Project.objects.values()), list(ProjectClock.objects.values())
    member = Member.objects.get(project_id=0)
    Event.objects.create(
        project_id=0, seq=1, at=timezone.now(), name="x", actor=member, subject="x", hash="x"
    )
    ProjectClock.objects.filter(project_id=0).update(seq=1, head_hash="x")
    Project.objects.filter(pk=0).update(name="changed")
    Project.objects.create(slug="other", name="Other", created_at=timezone.now())

    database.reset()

    assert (list(Project.objects.values()), list(ProjectClock.objects.values())) == before
    assert list(Member.objects.all()) == [member]
    assert not Event.objects.exists()


def test_the_log_still_refuses_a_test_that_deletes(db):
    member = Member.objects.get(project_id=0)
    Event.objects.create(
        project_id=0, seq=1, at=timezone.now(), name="x", actor=member, subject="x", hash="x"
    )

    with pytest.raises(ProgrammingError, match="append-only"):
        Event.objects.all().delete()


async def test_an_async_test_commits_and_is_emptied_too(db):
    @database_sync_to_async
    def make():
        return Project.objects.create(slug="other", name="Other", created_at=timezone.now()).pk

    made = await make()

    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        found = other.execute("SELECT slug FROM hub_project WHERE id = %s", [made]).fetchone()
    assert found == ("other",)
    await database_sync_to_async(database.reset)()
    assert await database_sync_to_async(Project.objects.count)() == 1


def test_without_a_fixture_the_database_is_closed():
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        Project.objects.count()


@pytest.mark.parametrize("options", [("-p", "no:xdist"), ("-n", "1")])
def test_a_run_that_is_interrupted_leaves_no_server_and_no_folder(nested, options):
    process, mark = nested(*options, wait_s=60)
    folder, _ = marked(process, mark)
    assert embedded.is_running(folder / "server")

    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)

    assert process.returncode == pytest.ExitCode.INTERRUPTED, said_by(mark)
    assert not embedded.is_running(folder / "server")
    assert not folder.exists()


def test_what_a_killed_run_left_is_removed_by_the_next(nested):
    process, mark = nested("-p", "no:xdist", wait_s=60)
    folder, _ = marked(process, mark)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = folder.exists()

    database.end_abandoned_runs()

    assert left
    assert not embedded.is_running(folder / "server")
    assert not folder.exists()


def test_a_run_on_a_given_server_drops_its_databases(nested, django_db_setup):
    process, mark = nested("-n", "1", wait_s=0, url=database._server_url())
    assert process.wait(90) == 0, said_by(mark)
    _, name = mark.read_text().split()

    with database._maintenance() as server:
        left = server.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)",
            [name.removesuffix("gw0")],
        ).fetchall()

    assert name.endswith("gw0")
    assert left == []
