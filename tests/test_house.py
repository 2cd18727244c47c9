"""The house rules that no other tool knows; `make check` runs these alone, without a database."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

ROOT = Path(__file__).resolve().parent.parent
LINES_MAX = 300
OWN_SCRIPT_LINES_MAX = 400
WRITTEN = {".py", ".css", ".js", ".html", ".toml", ".md", ".yml", ".sh", ""}
NOT_OURS = ("vendor/", "requirements", "/fonts/", "agents/examples/", "LICENSE")
NO_CODE = (".md", "agents/scripts/", "/migrations/")
THIS_FILE = "tests/test_house.py"
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
MACHINE = re.compile(r"/work/|/root/|\bpypi\.org|registry\.npmjs|index-url[ =]https?:")
COMMANDS = re.compile(r"^([a-z0-9-]+):.*## ", re.MULTILINE)


def files() -> Iterator[tuple[str, str]]:
    """Give each text file of the repository that people write: name and content."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in sorted(filter(None, listed.split("\0"))):
        path = ROOT / name
        ours = path.suffix in WRITTEN and not any(part in name for part in NOT_OURS)
        if ours and path.is_file() and not path.is_symlink():
            yield name, path.read_text(encoding="utf-8")


def test_a_file_has_at_most_300_lines():
    long = {
        name: text.count("\n")
        for name, text in files()
        if text.count("\n") > LINES_MAX and not any(part in name for part in NO_CODE)
    }

    assert long == {}


def test_nothing_is_left_for_later():
    unfinished = [
        f"{name}:{number}"
        for name, text in files()
        for number, line in enumerate(text.splitlines(), 1)
        if UNFINISHED.search(line) and name != THIS_FILE
    ]

    assert unfinished == []


def test_no_file_names_a_machine_or_a_registry():
    found = [name for name, text in files() if MACHINE.search(text) and name != THIS_FILE]

    assert found == []


def test_actions_know_nothing_of_http():
    importers = [
        name
        for name, text in files()
        if re.fullmatch(r"(hub|agents|transports)/(actions|policy)/\w+\.py", name)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and re.search(r"\bdjango\.(http|shortcuts|views|urls)\b", ast.unparse(node))
    ]

    assert importers == []


def test_no_template_trusts_text():
    trusting = [
        name
        for name, text in files()
        if name.endswith(".html") and re.search(r"\|\s*safe\b|autoescape\s+off", text)
    ]

    assert trusting == []


def test_no_template_holds_a_script_or_a_handler():
    inline = [
        name
        for name, text in files()
        if name.endswith(".html") and re.search(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|hx-on", text)
    ]

    assert inline == []


def test_our_own_scripts_stay_few():
    lines = sum(text.count("\n") for name, text in files() if name.startswith("hub/static/hub/js/"))

    assert 0 < lines <= OWN_SCRIPT_LINES_MAX


def test_every_change_of_a_model_has_its_migration():
    loader = MigrationLoader(None)
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))

    changes = detector.changes(graph=loader.graph)

    ours = {
        app: [str(one) for one in changes.get(app, [])] for app in ("hub", "transports", "agents")
    }
    assert ours == {"hub": [], "transports": [], "agents": []}


@pytest.mark.parametrize("document", ["README.md", "docs/operations.md"])
def test_a_document_names_only_commands_that_exist(document):
    known = set(COMMANDS.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    text = (ROOT / document).read_text(encoding="utf-8")

    named = set(re.findall(r"`make ([a-z0-9-]+)", text))

    assert named
    assert named <= known
