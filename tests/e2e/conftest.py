"""Fixtures of the browser tests: one house that really runs, and browsers that are watched."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from tests.conftest import require_program
from tests.hub.running import House

from .browsers import FLAGS, PHONE, WIDE
from .office import Office, open_office
from .story import OBJECTIVE
from .watch import Watch

PATIENCE_MS = 15_000
PICTURES = os.environ.get("PARLEY_E2E_PICTURES", "")  # a folder for how each test ended
Enter = Callable[..., Page]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and put last what waits for agents that begin early."""
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)
    items.sort(key=waits_for_agents)


def waits_for_agents(item: pytest.Item) -> bool:
    return "begun" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session", autouse=True)
def _begin_early(request: pytest.FixtureRequest) -> None:
    if any(map(waits_for_agents, request.session.items)):
        request.getfixturevalue("begun")


@pytest.fixture(scope="session")
def house(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    """Run `manage.py up` on the test database; the tests keep apart by projects of their own."""
    made = House(
        DATABASE_URL=os.environ["DATABASE_URL"],
        PARLEY_SECRET_KEY=os.environ["PARLEY_SECRET_KEY"],
    )
    try:
        made.start("--no-demo")
        with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
            # Playwright keeps an event loop in this thread; no coroutine of it uses the database.
            patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
            yield made
        made.interrupt()
    finally:
        made.demolish()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Debian's chromium once."""
    program = require_program("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        expect.set_options(timeout=PATIENCE_MS)
        yield started
        started.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Look over the browsers of a test; at its end nothing may have gone wrong in them."""
    made = Watch()
    yield made
    assert made.unexpected() == []


@pytest.fixture
def enter(request: pytest.FixtureRequest, browser: Browser, watch: Watch) -> Iterator[Enter]:
    """Open browsers: `enter(office, "Ada", size=PHONE)` has a login already.

    `by_link=True` logs in as people do, by a one-time link, which loads two pages more.
    """
    opened = []

    def open_browser(
        office: Office,
        name: str,
        path: str = "",
        *,
        size: tuple[int, int] = WIDE,
        by_link: bool = False,
        **options: Any,
    ) -> Page:
        phone = {"has_touch": True, "is_mobile": True} if size == PHONE else {}
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, **phone, **options
        )
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        watch.over(context)
        page = context.new_page()
        if by_link:
            page.goto(office.link(name))
        else:
            context.add_cookies([office.cookie(name)])
        page.goto(path if path.startswith("http") else office.url(path))
        return page

    yield open_browser
    for number, context in enumerate(opened):
        if PICTURES and context.pages:
            picture = f"{request.node.name}-{number}.png".replace("/", "-")
            context.pages[0].screenshot(path=f"{PICTURES}/{picture}")
        context.close()


@pytest.fixture(scope="session")
def begun(house: House) -> dict[str, Office]:
    """Two projects whose agents work while other tests run: one to look at, one to finish."""
    found = {name: open_office(house, "Ada", "Grace", team=True) for name in ("scene", "plain")}
    for one in found.values():
        one.act("Ada", "objective.open", text=OBJECTIVE)
    return found


@pytest.fixture
def office(house: House) -> Office:
    """A project of two people without agents."""
    return open_office(house, "Ada", "Grace")
