"""The test database: one server a run, one migrated template, one clone for each worker.

Loaded early (`-p tests.database`), because Django's settings are read before any conftest. Without
DATABASE_URL the run has an embedded Postgres of its own, started by the first test that wants it.
With it, that server holds the run's databases, which are dropped at the end.
"""

import os
import secrets
import shutil
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

RUN = "PARLEY_TEST_RUN"  # folder of the run; its name is the prefix of the run's databases
SERVER = "PARLEY_TEST_SERVER"  # DATABASE_URL of the server, empty for the embedded one
FOLDERS = Path("/tmp")  # short, because a socket path may have 107 bytes
CONNECTIONS_MAX = 300
LOCK_TIMEOUT_MS = 3_000

# What `migrate` makes anew in every database; no test writes there.
FIXED_TABLES = ["django_migrations", "django_content_type", "auth_permission"]

_opened: list[tuple[threading.Thread, Any]] = []
_cleaner: psycopg.Connection[Any] | None = None


# -- The run --------------------------------------------------------------------------------------
@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Point the settings at this process's own database and home; starts nothing yet."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker:
        folder = FOLDERS / f"parley-test-{os.getpid()}-{secrets.token_hex(4)}"
        os.environ[RUN] = str(folder)
        os.environ[SERVER] = os.environ.get("DATABASE_URL", "")
        folder.mkdir(mode=0o711)
        folder.chmod(0o711)  # the database's user passes through when we are root
        early_config.add_cleanup(end_run)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        end_abandoned_runs()
    home = _run() / (worker or "main")
    home.mkdir(mode=0o700)
    os.environ["PARLEY_HOME"] = str(home)
    os.environ.setdefault("PARLEY_SECRET_KEY", secrets.token_urlsafe(32))
    os.environ["DATABASE_URL"] = _url_of(_database(worker or "main"))


def end_run() -> None:
    """Stop the run's own server, or drop its databases on the server that we were given."""
    if not os.environ[SERVER]:
        _end_server(_run())
    else:
        with suppress(psycopg.OperationalError), _maintenance() as connection:
            found = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_database("")]
            )
            for (name,) in found.fetchall():
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(drop.format(sql.Identifier(name)))
    shutil.rmtree(_run(), ignore_errors=True)


def end_abandoned_runs() -> None:
    """Stop the servers of runs that were killed without a chance to do it themselves."""
    for folder in FOLDERS.glob("parley-test-*"):
        pid = folder.name.split("-")[2]
        if not pid.isdecimal() or _is_alive(int(pid)):
            continue
        with suppress(FileNotFoundError):  # another run ends it too
            if folder.stat().st_uid == os.geteuid():
                _end_server(folder)
                shutil.rmtree(folder, ignore_errors=True)


def _end_server(run: Path) -> None:
    from hub import embedded

    embedded.stop(run / "server")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


# -- Names ----------------------------------------------------------------------------------------
def _run() -> Path:
    return Path(os.environ[RUN])


def _database(part: str) -> str:
    return f"{_run().name}-{part}".replace("-", "_")


def _server_url() -> str:
    if os.environ[SERVER]:
        return os.environ[SERVER]
    from hub import embedded

    return embedded.url(_run() / "server")


def _url_of(name: str) -> str:
    return urlunsplit(urlsplit(_server_url())._replace(path=f"/{name}"))


def _maintenance() -> psycopg.Connection[Any]:
    return psycopg.connect(_server_url(), autocommit=True)


# -- Template and clone ---------------------------------------------------------------------------
def make_clone() -> None:
    """Make this process's database from the template; the first process makes the template."""
    global _cleaner
    if not os.environ[SERVER]:
        from hub import embedded

        embedded.start(_run() / "server", fsync=False, max_connections=CONNECTIONS_MAX)
    mine = urlsplit(os.environ["DATABASE_URL"]).path.lstrip("/")
    template, building = _database("template"), _database("building")
    with _maintenance() as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [template])
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template])
        if known.fetchone() is None:
            _run_sql(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", building)
            _run_sql(connection, "CREATE DATABASE {}", building)
            _migrate(building)
            _run_sql(connection, "ALTER DATABASE {} RENAME TO {}", building, template)
        _run_sql(connection, "CREATE DATABASE {} TEMPLATE {}", mine, template)
    options = f"-c session_replication_role=replica -c lock_timeout={LOCK_TIMEOUT_MS}"
    _cleaner = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options=options)
    _watch_connections()


def _run_sql(connection: psycopg.Connection[Any], text: str, *names: str) -> None:
    connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))


def _migrate(name: str) -> None:
    """Migrate one database with Django's own connection, then add what `reset` needs."""
    from django.core.management import call_command
    from django.db import connection

    settings = connection.settings_dict
    mine, settings["NAME"] = settings["NAME"], name
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        _close(connection)
        settings["NAME"] = mine
    with psycopg.connect(_url_of(name), autocommit=True) as direct:
        _make_reset(direct)


def _make_reset(connection: psycopg.Connection[Any]) -> None:
    """Write the function that empties every table and puts back what the migrations seeded."""
    tables = connection.execute(
        """SELECT relname FROM pg_class
           WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> ALL (%s)
           ORDER BY relname""",
        [FIXED_TABLES],
    ).fetchall()
    connection.execute("CREATE SCHEMA parley_test")
    steps = [sql.SQL("PERFORM set_config('parley.purge', 'on', true);")]
    for (table,) in tables:
        name = sql.Identifier(table)
        steps.append(sql.SQL("DELETE FROM public.{};").format(name))
        rows = connection.execute(sql.SQL("SELECT 1 FROM public.{} LIMIT 1").format(name))
        if rows.fetchone() is not None:
            steps.append(_keep_seed(connection, table))
    body = sql.SQL(" ").join([sql.SQL("BEGIN"), *steps, sql.SQL("END")]).as_string(connection)
    connection.execute(
        sql.SQL("CREATE FUNCTION parley_test.reset() RETURNS void LANGUAGE plpgsql AS {}").format(
            sql.Literal(body)
        )
    )


def _keep_seed(connection: psycopg.Connection[Any], table: str) -> sql.Composed:
    """Keep a copy of a seeded table; returns the statement that puts its rows back."""
    columns = connection.execute(
        """SELECT attname FROM pg_attribute
           WHERE attrelid = format('public.%%I', %s::text)::regclass
             AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
           ORDER BY attnum""",
        [table],
    ).fetchall()
    parts = {
        "table": sql.Identifier(table),
        "columns": sql.SQL(", ").join(sql.Identifier(column) for (column,) in columns),
    }
    connection.execute(
        sql.SQL("CREATE TABLE parley_test.{table} AS SELECT {columns} FROM public.{table}").format(
            **parts
        )
    )
    return sql.SQL(
        "INSERT INTO public.{table} ({columns}) OVERRIDING SYSTEM VALUE"
        " SELECT {columns} FROM parley_test.{table};"
    ).format(**parts)


# -- After each test ------------------------------------------------------------------------------
def reset() -> None:
    """Give back the connections of the test and its ended threads, and empty the database.

    Fails the test when a thread that it left behind keeps rows locked.
    """
    from django.db import connections

    connections.close_all()
    for entry in [*_opened]:
        thread, wrapper = entry
        if not thread.is_alive():
            wrapper.inc_thread_sharing()
            wrapper.close()
            _opened.remove(entry)
    assert _cleaner is not None
    try:
        _cleaner.execute("SELECT parley_test.reset()", prepare=True)
    except psycopg.errors.LockNotAvailable:
        _cleaner.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND backend_type = 'client backend' AND state <> 'idle'"""
        )
        _cleaner.execute("SET lock_timeout = 0; SELECT parley_test.reset();")
        _cleaner.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        pytest.fail("The test left a transaction open in another thread.", pytrace=False)


def close() -> None:
    """Close the connections of this process."""
    from django.db import connection

    for _, wrapper in _opened:
        wrapper.inc_thread_sharing()
        wrapper.close()
    _close(connection)
    if _cleaner is not None:
        _cleaner.close()


def _close(connection: Any) -> None:
    connection.close()
    if connection.settings_dict["OPTIONS"].get("pool"):
        connection.close_pool()


def _watch_connections() -> None:
    """Remember which thread opened which connection: they are thread-local and outlive it."""
    from django.db import connections

    create = connections.create_connection

    def create_and_remember(alias: str) -> Any:
        wrapper = create(alias)
        _opened.append((threading.current_thread(), wrapper))
        return wrapper

    connections.create_connection = create_and_remember  # type: ignore[method-assign]
