"""The bundled Postgres in trouble: crashes, stale files, half-done work."""

import os
import signal
import subprocess

import psycopg
import pytest

from hub import embedded
from hub.embedded import EmbeddedError, account, server
from hub.embedded.layout import SOCKET_NAME, layout_of
from tests.hub.embedded.conftest import (
    IS_ROOT,
    ask,
    postmaster,
    start,
    write_down,
)


def test_data_outlives_a_killed_server(home):
    url = start(home)
    write_down(url, "still here")
    os.kill(postmaster(home), signal.SIGKILL)

    again = start(home)

    assert ask(again, "SELECT said FROM note") == "still here"


def test_a_server_that_ignores_signals_is_ended_by_force(home, monkeypatch):
    start(home)
    pid = postmaster(home)
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(server, "STOP_TIMEOUT_S", 0.5)

    embedded.stop(home)

    assert not embedded.is_running(home)


def test_a_dropped_database_comes_back(home):
    start(home)
    ask(embedded.url(home).replace("/parley?", "/postgres?"), "DROP DATABASE parley")

    assert ask(start(home), "SELECT current_database()") == "parley"


def test_who_waits_too_long_for_the_lock_is_told(home, monkeypatch):
    layout = layout_of(home)
    account.make_root(layout)
    monkeypatch.setattr(embedded, "LOCK_TIMEOUT_S", 0.1)

    with embedded._locked(layout), pytest.raises(EmbeddedError, match="Another process has held"):
        start(home)


def test_a_backend_that_outlived_its_killed_server_does_not_stop_the_next(home, monkeypatch):
    url = start(home)
    ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    busy = psycopg.connect(url, autocommit=True)
    busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")  # never looks at its parent
    while not ask(
        url,
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%END LOOP;%' "
        "AND pid <> pg_backend_pid() AND state = 'active'",
    ):
        pass
    monkeypatch.setattr(server, "ORPHAN_TIMEOUT_S", 0.5)
    os.kill(postmaster(home), signal.SIGKILL)

    start(home)

    assert ask(url, "SELECT n FROM kept") == 7
    assert busy.info.backend_pid not in server._orphans(layout_of(home).data)
    busy.close()


def test_a_pid_file_whose_number_another_program_got_does_not_matter(home):
    url = start(home)
    layout = layout_of(home)
    files = [layout.data / "postmaster.pid", layout.sockets("run") / f"{SOCKET_NAME}.lock"]
    texts = [file.read_text() for file in files]
    pid = postmaster(home)
    embedded.stop(home)
    who = account.account()
    other = subprocess.Popen(["sleep", "60"], user=who.uid if IS_ROOT else None)
    for file, text in zip(files, texts, strict=True):
        file.write_text(text.replace(str(pid), str(other.pid), 1))
        os.chown(file, who.uid, who.gid)

    assert not embedded.is_running(home)
    embedded.stop(home)
    start(home)

    assert ask(url, "SELECT 1") == 1
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_half_made_data_folder_is_made_anew(home):
    layout = layout_of(home)
    account.make_root(layout)
    layout.fresh.mkdir()
    (layout.fresh / "PG_VERSION").write_text("18\n")

    assert ask(start(home), "SELECT 1") == 1
    assert not layout.fresh.exists()


def test_a_server_that_does_not_start_says_why(home):
    url = start(home)
    ask(url, "ALTER SYSTEM SET shared_preload_libraries = 'no_such_library'")
    embedded.stop(home)

    with pytest.raises(EmbeddedError, match="no_such_library"):
        start(home)


def test_an_initdb_that_fails_says_why(home, monkeypatch):
    monkeypatch.setattr(server, "ROLE", "pg_parley")

    with pytest.raises(EmbeddedError, match=r"initdb failed .* superuser name"):
        start(home)

    assert not layout_of(home).data.exists()
