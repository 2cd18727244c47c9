"""Every page, wide and narrow, light and dark: axe finds nothing, and nothing sticks out."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from agents.models import Session
from hub.models import Decision
from tests.hub.running import House

from .browsers import PHONE, WIDE
from .conftest import Enter
from .office import Office, wait_until
from .watch import overflow

AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = ["color-contrast"]
UNFOLD = "document.querySelectorAll('main details').forEach((it) => { it.open = true; })"
LOOK = """async (runOnly) => (await axe.run({runOnly, resultTypes: ["violations"]})).violations.map(
  (it) => `${it.id}: ${it.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(' | ')}`)"""
PLACED = """() => [...document.querySelectorAll(".moment")].map((it) => [it.classList[1],
  Math.round(it.getBoundingClientRect().left), getComputedStyle(it).opacity])"""
MESSAGE = """Long: @Grace look at #1 and [the tests](https://example.invalid/a/very/long/address).

```python
def land(on: str = "the moon") -> None:  # a line that is much wider than any phone that is held
    print(f"We land on {on}.")
```

> As it was said.

| What | When |
| --- | --- |
| Landing | noon |

Averyveryverylongwordwithoutanyspaceinitsothatithastobebrokensomewhereorthepagegrowswide.
"""
PLACES = {
    "home": "",
    "needs you": "needs-you/",
    "board": "board/",
    "costs": "costs/",
    "team": "team/",
    "sessions that ended": "team/?show=ended",
    "needs you of one kind": "needs-you/?kind=question",
    "objective": "o/1/",
    "a moment of an objective": "o/1/?at=9&kind=states",
    "settings": "settings/",
    "log": "log/",
    "notes and results": "results/",
    "chat clients and networks": "networks/",
    "task": "t/1/",
    "waiting task": "t/2/",
    "session": "s/2/",
    "sleeping session": "s/1/",
    "review": "pull/1/",
    "review with a note": "pull/1/?note=0n7",
    "review side by side": "pull/1/?view=split",
    "form": "do/decision.ask/",
    "project's channel": "c/1/",
    "work channel": "c/5/",
    "thread": "m/{message}/",
    "projects": "/",
    "logout": "/account/logout/",
}


@pytest.fixture(scope="module")
def scene(begun: dict[str, Office]) -> tuple[Office, int]:
    """A project in the middle of its story, with a question and a hard message; and its number."""
    office = begun["scene"]
    reviews = Decision.objects.open().filter(project=office.project, kind="review")
    wait_until(reviews.exists, "a review")
    office.act(
        "Grace",
        "decision.ask",
        text="Which of the **two** words?",
        choices=["Supercalifragilisticexpialidocious" * 3, "Right"],
        recommended=2,
        default="2",
        default_in_s=3_600,
        context="Both would do.",
    )
    office.act("Grace", "note.create", title="Fuel", text="It is **cold**.", objective=1)
    office.act("Ada", "network.add", name="loop", kind="loopback")
    office.act(
        "Ada", "channel.bind", channel="project", network="loop", room="a-long-room-name" * 4
    )
    said = office.act("Ada", "message.post", channel="project", text=MESSAGE)
    office.act("Grace", "message.react", message=said["number"], emoji="👍")
    office.act("Grace", "message.post", channel="project", text="!claim", reply_to=said["number"])
    wait_until(lambda: Session.objects.filter(project=office.project).count() > 3, "sessions")
    return office, said["number"]


def violations(page: Page) -> list[str]:
    """Ask axe about the page as it is, and about its contrast in the dark.

    The script is added by the test's own hand, past the page's policy.
    """
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.emulate_media(color_scheme="light")
    found = page.evaluate(LOOK, RULES)
    page.emulate_media(color_scheme="dark")
    return [*found, *(f"dark: {one}" for one in page.evaluate(LOOK, CONTRAST))]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_pages_are_accessible_and_fit(scene, enter: Enter, size) -> None:
    office, message = scene
    page = enter(office, "Ada", size=size)

    found: dict[str, object] = {}
    for name, path in PLACES.items():
        path = path.format(message=message)
        page.goto(f"{office.house.url}{path}" if path.startswith("/") else office.url(path))
        wrong = [*violations(page), *([f"{overflow(page)} px too wide"] if overflow(page) else [])]
        if wrong:
            found[name] = wrong

    assert found == {}


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_moment_of_a_timeline_is_seen_in_one_column(scene, enter: Enter, size) -> None:
    office, _ = scene
    page = enter(office, "Ada", size=size)
    page.goto(office.url("o/1/"))

    places = page.evaluate(PLACED)

    assert {kind for kind, _, _ in places} >= {"of-chat", "of-states", "of-tools"}
    assert len({(left, opacity) for _, left, opacity in places}) == 1


def test_what_opens_over_a_page_is_accessible(scene, enter: Enter) -> None:
    office, message = scene
    page = enter(office, "Ada")

    page.keyboard.press("Control+k")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.goto(office.url("c/1/"))
    page.locator(f"#message-{message}").hover()
    page.locator(f"#message-{message}").get_by_label("Reply", exact=True).click()
    page.locator("#panel .thread").wait_for()
    assert violations(page) == []
    for path in ("team/", "settings/", "o/1/", "s/1/"):
        page.goto(office.url(path))
        page.evaluate(UNFOLD)
        assert violations(page) == [], path
        assert overflow(page) == 0, path


def test_doors_are_accessible(house: House, browser, watch) -> None:
    watch.expects("answer: 40[34]|status of 40[34]")
    context = browser.new_context()
    watch.over(context)
    page = context.new_page()

    found = {}
    for path in ("/account/login/", "/account/signup/", "/enter/1-nothing/", "/nowhere/"):
        page.goto(house.url + path)
        if wrong := violations(page):
            found[path] = wrong
    context.close()

    assert found == {}
