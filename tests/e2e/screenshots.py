"""Pictures of every page: `python -m tests.e2e.screenshots FOLDER`.

Runs a house of its own, plays the demo's story in a browser, and takes each page in the middle of
the story and after it, at 390 and 1280 pixels, light and dark.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.hub.running import House

from .browsers import FLAGS, PHONE, WIDE
from .story import Story
from .watch import overflow

STEADY_MS = 250
SIZES = {"1280": WIDE, "390": PHONE}
THEMES = ("light", "dark")


class Album:
    """A folder of pictures, taken by browsers of every size and theme that are logged in."""

    def __init__(self, folder: Path, browser: Browser, page: Page, home: str) -> None:
        self.folder, self.page, self.home = folder, page, home
        state = page.context.storage_state()
        self.contexts: dict[str, BrowserContext] = {}
        for size, (width, height) in SIZES.items():
            for theme in THEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    storage_state=state,
                    color_scheme=theme,
                    is_mobile=size == "390",
                    has_touch=size == "390",
                )
                self.contexts[f"{size}-{theme}"] = context

    def take(self, name: str, path: str, *, whole: bool = True) -> None:
        """Photograph a page in all four ways; `whole` with what is below the window."""
        for kind, context in self.contexts.items():
            page = context.new_page()
            page.goto(path if path.startswith("http") else self.home + path)
            page.wait_for_timeout(STEADY_MS)
            page.screenshot(path=self.folder / f"{name}-{kind}.png", full_page=whole)
            if overflow(page):
                sys.stdout.write(f"{name}-{kind} is {overflow(page)} px too wide\n")
            page.close()

    def show(self, name: str, kind: str, path: str) -> None:
        """Take one picture for the documents: what a window shows, in one of the four ways."""
        page = self.contexts[kind].new_page()
        page.goto(path if path.startswith("http") else self.home + path)
        page.wait_for_timeout(STEADY_MS)
        page.screenshot(path=self.folder / f"{name}-{kind}.png")
        page.close()


def everyday(album: Album, when: str) -> None:
    """Take the pages that are there at any time."""
    album.take(f"{when}-home", "")
    album.take(f"{when}-needs-you", "needs-you/")
    album.take(f"{when}-board", "board/")
    album.take(f"{when}-costs", "costs/")
    album.take(f"{when}-team", "team/")
    album.take(f"{when}-log", "log/")
    album.take(f"{when}-settings", "settings/")
    album.take(f"{when}-results", "results/")
    album.take(f"{when}-networks", "networks/")
    if when != "empty":
        album.take(f"{when}-objective", "o/1/")
    album.page.goto(album.home)
    for room in ("project", "standup", "work"):
        found = album.page.locator(f"#rail-{room} a")
        for number in range(found.count()):
            path = str(found.nth(number).evaluate("it => it.href"))
            album.take(f"{when}-channel-{room}-{number + 1}", path, whole=False)


def doors(album: Album, root: str) -> None:
    """Take the pages outside of a project."""
    album.take("door-projects", f"{root}/")
    album.take("door-nothing", f"{root}/p/nowhere/")
    album.take("door-logout", f"{root}/account/logout/")
    album.take("form", "do/task.open/")
    album.take("form-filled", "do/decision.ask/")
    state = {"cookies": [], "origins": []}
    for kind, context in album.contexts.items():
        size, theme = kind.split("-")
        width, height = SIZES[size]
        stranger = context.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, storage_state=state
        )
        page = stranger.new_page()
        page.goto(f"{root}/account/login/")
        page.screenshot(path=album.folder / f"door-login-{kind}.png")
        stranger.close()


def play(album: Album, page: Page) -> None:
    """Walk through the story and take its pages on the way."""
    story = Story(page, album.home)
    everyday(album, "empty")
    story.ask()
    story.open_review(1)
    first = page.url
    everyday(album, "middle")
    album.take("middle-pull", first)
    album.show("show-review", "1280-light", first)
    album.take("middle-pull-split", f"{first}?view=split")
    album.take("middle-pull-note", f"{first}?note=0n7#note-0n7", whole=False)
    album.take("middle-task", "t/1/")
    album.take("middle-task-waiting", "t/2/")
    for number in (1, 2, 3):
        album.take(f"middle-session-{number}", f"s/{number}/")
    page.goto(first)
    story.write_note("Does this also match at the end of a line?")
    story.approve("Right, and small.")
    story.merge()
    story.open_card("question")
    finish(album, page, story)


def finish(album: Album, page: Page, story: Story) -> None:
    """Go on from the question to the end."""
    everyday(album, "question")
    album.show("show-home", "1280-light", "")
    album.show("show-needs-you", "390-dark", "needs-you/")
    album.take("question-task", "t/2/")
    story.answer("Compact, one line each")
    story.open_review(2)
    album.take("second-pull", page.url)
    room = album.page.locator("#rail-work a").last
    album.show("show-channel", "1280-dark", str(room.evaluate("it => it.href")))
    album.take("second-pull-split", f"{page.url}?view=split")
    story.approve("Merge it.")
    story.merge()
    album.take("merged-pull", page.url)
    story.read_the_end()
    everyday(album, "after")
    album.take("after-task", "t/2/")
    album.take("after-session", "s/1/")


@contextmanager
def running() -> Iterator[House]:
    """Run a house with the demo project until the end."""
    house = House()
    try:
        yield house.start()
        house.interrupt()
    finally:
        house.demolish()


def main() -> None:
    """Read the folder's name and fill it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    with running() as house, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_context().new_page()
        expect.set_options(timeout=15_000)
        page.goto(house.said(r"Log in, once:\s+(http://\S+)")[1])
        expect(page).to_have_url(re.compile("/$"))
        album = Album(folder, browser, page, f"{house.url}/p/demo/")
        doors(album, house.url)
        play(album, page)
        browser.close()


if __name__ == "__main__":
    main()
