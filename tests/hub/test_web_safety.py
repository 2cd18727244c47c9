"""What no page may do: foreign script, inline style, files from elsewhere, a fat first load."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from django.template.loader import get_template
from django.test import Client

from hub.actor import Actor
from tests.cast import act
from tests.hub.browsers import browser

__all__ = ["browser"]

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "hub" / "static" / "hub"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|\|\s*safe\b"
)
ELSEWHERE = re.compile(r"(?:src|href|action|url\()\s*=?\s*[\"'(]*(?:https?:)?//")
HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[press](javascript:alert(1))",
    '"><svg onload=alert(1)>',
    "</textarea><script>alert(1)</script>",
]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_inline_and_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text()

    assert not INLINE.findall(text)
    assert not ELSEWHERE.findall(text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_can_be_parsed(path: Path) -> None:
    get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("address", ["/p/moon/", "/p/moon/c/1/", "/account/login/", "/p/none/"])
def test_a_page_allows_only_its_own_scripts_and_styles(browser: Client, address: str) -> None:
    policy = browser.get(address)["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in policy


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(browser: Client, ada: Actor, text: str) -> None:
    number = act(ada, "message.post", channel=1, text=text)["number"]
    act(ada, "task.open", title=text[:80])
    act(ada, "objective.open", text=text)

    pages = ("", "c/1/", f"m/{number}/", "board/", "t/1/", "log/")
    seen = [browser.get(f"/p/moon/{page}").content.decode() for page in pages]

    for page in seen:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<svg onload" not in page
        assert 'href="javascript:' not in page


def test_own_scripts_stay_small() -> None:
    lines = sum(len(path.read_text().splitlines()) for path in (STATIC / "js").glob("*.js"))

    assert lines <= 400


@pytest.mark.parametrize("path", sorted((STATIC / "css").glob("*.css")), ids=lambda path: path.name)
def test_a_style_sheet_stays_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def test_the_first_load_is_light() -> None:
    """Source: design/look.md, 150 kB compressed without fonts."""
    files = [*STATIC.rglob("*.css"), *STATIC.rglob("*.js"), *STATIC.rglob("*.svg")]

    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= 140_000


def test_vendored_files_are_the_ones_that_were_looked_at() -> None:
    table = (STATIC / "vendor" / "README.md").read_text()
    rows = re.findall(r"^\| (\S+\.(?:js|svg|woff2)) \|.*\| ([0-9a-f]{64}) \|$", table, re.MULTILINE)

    assert len(rows) == 5
    for name, digest in rows:
        content = (STATIC / "vendor" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    sprite = (STATIC / "vendor" / "lucide-1.62.0.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    texts = [path.read_text() for path in TEMPLATES]
    used = {name for text in texts for name in re.findall(r'icon(?:_name=| )"([a-z0-9-]+)"', text)}
    code = [ROOT / "hub/parts/talk.py", ROOT / "hub/parts/pages.py", ROOT / "agents/web/parts.py"]
    for path in code:
        used |= set(re.findall(r'(?:": |icon=|, )"([a-z0-9]+(?:-[a-z0-9]+)+)"', path.read_text()))

    assert used <= drawn


def test_icons_that_nobody_uses_are_not_shipped() -> None:
    sprite = (STATIC / "vendor" / "lucide-1.62.0.svg").read_text()
    sources = [*TEMPLATES, *(ROOT / "hub/parts").glob("*.py"), *(ROOT / "agents/web").glob("*.py")]
    text = "\n".join(path.read_text() for path in sources)
    drawn = re.findall(r'<symbol id="([^"]+)"', sprite)

    assert [name for name in drawn if f'"{name}"' not in text] == []
