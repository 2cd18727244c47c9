"""The bundled Postgres on a good day: start, stop, settings, sockets."""

import os
import shutil
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from hub import embedded
from hub.embedded import EmbeddedError, server
from hub.embedded.layout import layout_of
from tests.hub.embedded.conftest import (
    ROOT,
    ask,
    postmaster,
    start,
)


def test_a_started_server_answers_on_its_socket_and_on_no_network(home):
    url = start(home)

    assert url == embedded.url(home)
    assert embedded.is_running(home)
    assert ask(url, "SELECT current_user || ' ' || current_database()") == "parley parley"
    assert ask(url, "SHOW listen_addresses") == ""
    assert ask(url, "SHOW fsync") == "off"
    assert ask(url, "SHOW max_connections") == "20"
    folder = Path(parse_qs(urlsplit(url).query)["host"][0])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "postgres/data").stat().st_mode) == 0o700


def test_the_disk_is_synced_unless_asked_otherwise(home):
    url = embedded.start(home)

    assert ask(url, "SHOW fsync") == "on"
    assert ask(url, "SHOW full_page_writes") == "on"
    assert ask(url, "SHOW max_connections") == "200"


def test_starting_twice_changes_nothing(home):
    first = start(home)
    pid = postmaster(home)

    assert start(home) == first
    assert postmaster(home) == pid


def test_the_url_is_known_before_anything_exists(home):
    url = urlsplit(embedded.url(home))

    assert (url.scheme, url.username, url.path) == ("postgresql", "parley", "/parley")
    assert not home.exists()
    assert not embedded.is_running(home)


def test_stopping_ends_open_transactions_within_ten_seconds(home):
    url = start(home)
    client = psycopg.connect(url)
    client.execute("SELECT 1")
    began = time.monotonic()

    embedded.stop(home)

    assert time.monotonic() - began < server.STOP_TIMEOUT_S
    assert not embedded.is_running(home)
    client.close()


def test_stopping_what_does_not_run_is_no_error(home):
    embedded.stop(home)

    assert not home.exists()


def test_of_many_starts_at_once_one_makes_the_server(home):
    with ThreadPoolExecutor(6) as pool:
        urls = list(pool.map(lambda _: start(home), range(6)))

    assert set(urls) == {embedded.url(home)}
    assert ask(urls[0], "SELECT 1") == 1
    assert len(list((home / "postgres").glob("data*"))) == 1


def test_the_server_outlives_the_process_that_started_it(home):
    code = "import sys; from pathlib import Path; from hub import embedded; "
    code += "embedded.start(Path(sys.argv[1]), fsync=False)"

    subprocess.run([sys.executable, "-c", code, home], cwd=ROOT, check=True, timeout=60)

    assert embedded.is_running(home)
    assert ask(embedded.url(home), "SELECT 1") == 1
    assert os.getsid(postmaster(home)) != os.getsid(0)


def test_a_home_with_a_long_path_gets_a_short_socket_folder(base):
    home = base / ("long" * 30)

    url = start(home)

    folder = Path(parse_qs(urlsplit(url).query)["host"][0])
    assert not folder.is_relative_to(base)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert ask(url, "SELECT 1") == 1
    embedded.stop(home)
    shutil.rmtree(folder)


def test_two_homes_with_long_paths_have_sockets_of_their_own(base):
    assert embedded.url(base / ("a" * 120)) != embedded.url(base / ("b" * 120))


@pytest.mark.parametrize("name", ["it's", "a,b", "$(id)"])
def test_a_path_that_postgres_cannot_take_is_refused_in_words(base, name):
    with pytest.raises(EmbeddedError, match="Choose another folder"):
        embedded.start(base / name)


def test_old_log_files_are_removed(home):
    start(home)
    logs = home / "postgres/log"
    for hour in range(10, 20):
        (logs / f"postgres-20200101-{hour}0000.log").touch()

    start(home)

    assert len(list(logs.glob("postgres-*.log"))) <= server.LOG_FILES_MAX


def test_a_home_with_spaces_works(home):
    spaced = home / "my things"
    home.mkdir(mode=0o711)
    url = start(spaced)
    try:
        assert ask(url, "SELECT 1") == 1
    finally:
        embedded.stop(spaced)


def test_a_failing_statement_leaves_no_value_in_the_log(home):
    url = start(home)
    with pytest.raises(psycopg.errors.UniqueViolation):
        ask(
            url,
            "CREATE TABLE secret (word text UNIQUE)",
            "INSERT INTO secret VALUES ('hunter2'), ('hunter2')",
        )
    embedded.stop(home)

    text = "".join(file.read_text() for file in layout_of(home).log.iterdir())
    assert "duplicate key" in text
    assert "hunter2" not in text
