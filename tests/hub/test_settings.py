"""The settings: each variable is explained once, has limits, and bad combinations are refused."""

import ast
import re
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from hub import settings as source
from hub.apps import check_settings

ROOT = Path(__file__).resolve().parent.parent.parent
READERS = {"env", "env_bool", "env_list", "env_number"}
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
COMPUTED = {"PARLEY_HOME", "PARLEY_PUBLIC_URL", "PARLEY_SECRET_KEY", "PARLEY_ALLOWED_HOSTS"}


def variables() -> dict[str, list[ast.expr]]:
    """Find what hub/settings.py reads: name → the other arguments of the call."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(ast.parse(Path(source.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else 0
            if node.func.id in READERS and isinstance(name, str):
                assert name not in found, f"{name} is read twice"
                found[name] = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
    return found


def explained() -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_every_variable_is_in_the_example_and_no_other():
    assert set(explained()) == set(variables())


def default_of(arguments: list[ast.expr]) -> str:
    """Write a default as the example does: yes and no, numbers without underscores."""
    value = arguments[0].value if arguments else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def test_the_example_shows_the_real_defaults():
    found = variables()
    real = {name: default_of(found[name]) for name in found if name not in COMPUTED}

    assert {name: explained()[name] for name in real} == real


def test_every_variable_has_a_comment_above_it():
    bare = re.findall(r"(?:^|\n)(?!#)[^\n]*\n([A-Z_]+)=", EXAMPLE)

    assert bare == []


def test_only_the_settings_read_the_environment_for_values():
    readers = [
        path.relative_to(ROOT).as_posix()
        for folder in ("hub", "transports", "agents")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if re.search(r"environ(\.get\(|\[)|getenv\(", path.read_text(encoding="utf-8"))
        and path.name != "settings.py"
        and "examples" not in path.parts
    ]

    assert set(readers) <= {"hub/management/parts.py"}, "passing the environment on is all right"


@pytest.mark.parametrize("text", ["many", "nan", "0", "65", "-1"])
def test_a_number_outside_its_limits_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("PARLEY_WEB_PROCESSES", text)

    with pytest.raises(ImproperlyConfigured, match=r"PARLEY_WEB_PROCESSES must be a number from 1"):
        source.env_number("PARLEY_WEB_PROCESSES", 1, 1, 64)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://ann:p%40ss@db:5433/office", ("ann", "p@ss", "db", "5433", "office")),
        (
            "postgresql://parley@:5432/parley?host=/run/pg",
            ("parley", "", "/run/pg", "5432", "parley"),
        ),
        ("postgresql:///parley", ("", "", "", "", "parley")),
    ],
)
def test_a_database_url_is_taken_apart(url, expected):
    found = source.database(url)

    assert tuple(found[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == expected


def test_other_options_of_a_database_url_reach_the_driver():
    options = source.database("postgresql://db/office?sslmode=require")["OPTIONS"]

    assert options["sslmode"] == "require"


@pytest.mark.parametrize(("text", "meant"), [("yes", True), ("ON", True), ("0", False), ("", True)])
def test_yes_and_no_are_read_and_empty_is_the_default(monkeypatch, text, meant):
    monkeypatch.setenv("PARLEY_DEBUG", text)

    assert source.env_bool("PARLEY_DEBUG", default=True) is meant


def test_the_test_settings_are_without_complaint():
    assert [message for message in run_checks() if message.id.startswith("hub.")] == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SECRET_KEY": ""}, "hub.E001"),
        ({"SECRET_KEY": "x" * 31}, "hub.E002"),
        ({"PARLEY_PUBLIC_URL": "parley.example.org"}, "hub.E003"),
        ({"PARLEY_PUBLIC_URL": "https://example.org/parley"}, "hub.E003"),
        ({"PARLEY_HTTPS": True, "PARLEY_PUBLIC_URL": "http://localhost:8000"}, "hub.E004"),
        ({"PARLEY_PUBLIC_URL": "https://example.org", "ALLOWED_HOSTS": ["localhost"]}, "hub.E005"),
        ({"DEBUG": True, "PARLEY_BIND": "0.0.0.0:8000"}, "hub.E006"),
        ({"PARLEY_TARGET": "My Laptop"}, "hub.E007"),
        ({"LEASE_S": 9.0, "SWEEP_S": 5.0}, "hub.E008"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_number(settings, changes, code):
    for name, value in changes.items():
        setattr(settings, name, value)

    assert [message.id for message in check_settings()] == [code]


@pytest.mark.parametrize(
    "url", ["http://[::1]:8000", "https://office.example.org", "http://127.0.0.1"]
)
def test_a_good_address_is_taken(settings, url):
    settings.PARLEY_PUBLIC_URL = url
    settings.ALLOWED_HOSTS = ["[::1]", ".example.org", "127.0.0.1"]

    assert check_settings() == []
