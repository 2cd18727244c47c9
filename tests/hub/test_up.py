"""`manage.py up`, run as a program: it serves, heals, refuses, and leaves nothing behind."""

import http.cookiejar
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hub.management.parts import ROLES
from tests.hub.running import ROOT, House, get, wait_for

pytestmark = pytest.mark.xdist_group("up")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    made = House()
    try:
        yield made.start()
    finally:
        made.demolish()


@pytest.fixture
def own_house() -> Iterator[House]:
    made = House()
    try:
        yield made
    finally:
        made.demolish()


def up(house: House, **changes: str) -> subprocess.CompletedProcess[str]:
    """Try to start another one, which is expected to refuse."""
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env={**house.environment, **changes},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_part_works_when_it_says_that_it_is_ready(house):
    status, answer = house.ready()

    assert status == 200, answer
    beating = {"jobs", "sessions", "doorbell", "transports"}
    assert set(answer["parts"]) == {"database", "migrations", *beating}


def test_the_printed_link_logs_in_once(house):
    link = house.said(r"Log in, once:\s+(http://\S+)")[1]

    first, page = get(link, http.cookiejar.CookieJar())
    second, _ = get(link, http.cookiejar.CookieJar())

    assert (first, second) == (200, 403)
    assert "Demo" in page


def test_a_program_that_is_killed_comes_back(house):
    pid = house.pid_of("jobs")

    os.kill(pid, signal.SIGKILL)

    house.said(r"jobs was ended by SIGKILL; starts again in 1 s")
    wait_for(lambda: house.pid_of("jobs") != pid, "another process of jobs")
    wait_for(lambda: house.ready()[0] == 200, "everything is ready again")


def test_a_sessions_worker_that_hangs_is_named(house):
    pid = house.pid_of("sessions")
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: house.ready()[0] == 503, "the silence of sessions is noticed")
        _, answer = house.ready()
    finally:
        os.kill(pid, signal.SIGCONT)

    assert [name for name, part in answer["parts"].items() if not part["ok"]] == ["sessions"]
    wait_for(lambda: house.ready()[0] == 200, "everything is ready again")


def test_the_port_stays_open_while_web_starts_again(house):
    os.kill(house.pid_of("web"), signal.SIGKILL)

    status, _ = get(f"{house.url}/healthz")

    assert status == 200


def test_a_second_one_in_the_same_home_is_refused(house):
    refused = up(house)

    assert refused.returncode == 1
    assert f"Parley runs already in {house.home} (process {house.process.pid})" in refused.stderr


def test_a_taken_port_is_refused_in_words(house, own_house):
    taken = house.url.removeprefix("http://")

    refused = up(own_house, PARLEY_BIND=taken)

    assert refused.returncode == 1
    assert f"Parley cannot listen on {taken}: Address already in use." in refused.stderr


def test_irc_clients_find_a_door_and_are_told_how_to_come_in(house):
    port = int(house.said(r"IRC at 127\.0\.0\.1:(\d+)")[1])
    assert "/connect 127.0.0.1" in house.words

    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"JOIN #project\r\n")
        answer = connection.recv(500)

    assert b" 451 " in answer
    assert b"token of Parley" in answer


def test_the_secret_key_is_for_its_owner_only(house):
    stored = house.home / "secret-key"

    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert len(stored.read_text()) >= 50


def test_kill_and_ctrl_c_leave_nothing_running_and_lose_nothing(own_house):
    own_house.start()
    parts = {own_house.pid_of(part) for part in ROLES}
    assert parts < set(own_house.left())

    own_house.process.kill()
    own_house.process.wait()

    wait_for(lambda: not parts & set(own_house.left()), "the programs end with their parent")
    key = (own_house.home / "secret-key").read_text()
    own_house.start()
    _, page = get(own_house.said(r"Log in, once:\s+(http://\S+)")[1], http.cookiejar.CookieJar())
    assert page.count("Demo") >= 1
    assert (own_house.home / "secret-key").read_text() == key

    seconds = own_house.interrupt()

    assert seconds < 10
    assert own_house.left() == {}
    assert own_house.process.returncode == 0


def test_a_free_port_is_taken_for_port_zero(house):
    host, _, port = house.url.removeprefix("http://").partition(":")

    with socket.create_connection((host, int(port)), timeout=5) as connection:
        assert connection.getpeername() == ("127.0.0.1", int(port))
