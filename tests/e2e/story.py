"""The main job as a person clicks through it, step by step; every step ends where it says."""

import re

from playwright.sync_api import Page, expect

OBJECTIVE = "Please get the tests green again, and then add the --json option of the README."
AGENTS_MS = 120_000  # what the agents may take between two of the person's steps


class Story:
    """One person's browser in one project; `home` is the address of the project's home page."""

    def __init__(self, page: Page, home: str) -> None:
        self.page, self.home = page, home

    def ask(self) -> None:
        """Write the objective in the box and see that the team begins."""
        self.page.goto(self.home)
        self.page.get_by_role("textbox", name="What should the team do?").fill(OBJECTIVE)
        self.page.get_by_role("button", name="Go", exact=True).click()
        objective = self.page.locator("article.objective")
        expect(objective).to_contain_text(OBJECTIVE[:40])
        expect(objective).to_contain_text("0 of 2 tasks done", timeout=AGENTS_MS)

    def open_card(self, kind: str) -> None:
        """Follow the strip, once it says that something waits, to the card."""
        strip = self.page.get_by_role("status", name="What needs you")
        expect(strip).to_contain_text("1 needs you", timeout=AGENTS_MS)
        strip.get_by_role("link").click()
        expect(self.card(kind)).to_be_visible()

    def card(self, kind: str):
        return self.page.locator("section.card.open", has_text=re.compile(kind, re.IGNORECASE))

    def open_review(self, number: int) -> None:
        """Open the change that the card asks about."""
        self.open_card("review")
        self.page.get_by_role("link", name="Look at the change").click()
        expect(self.page).to_have_url(re.compile(rf"/pull/{number}/"))
        expect(self.page.locator(".diff-file").first).to_be_visible()

    def write_note(self, text: str) -> None:
        """Write a note on the first added line."""
        self.page.locator("tr.added td.line a").first.click()
        note = self.page.get_by_role("textbox", name="Note on line").first
        expect(note).to_be_focused()
        note.fill(text)
        expect(self.page.locator("[data-notes-count]")).to_have_text("1 note will go along")

    def approve(self, words: str) -> None:
        """Give the verdict; the merge button appears by itself."""
        self.page.get_by_placeholder("In words").fill(words)
        self.page.get_by_role("button", name="Approve").click()
        given = self.page.locator("article.review-given", has_text=words)
        expect(given).to_contain_text("approved")

    def merge(self) -> None:
        """Order the merge and see it done."""
        self.page.get_by_role("button", name="Merge", exact=True).click()
        merged = self.page.get_by_text("merged as")
        expect(merged).to_be_visible(timeout=AGENTS_MS)

    def answer(self, choice: str) -> None:
        """Answer the question by clicking a choice."""
        self.open_card("question")
        self.page.get_by_role("button", name=choice).click()
        expect(self.page.locator("section.card.answered").first).to_contain_text(choice)

    def read_the_end(self) -> None:
        """Read the closing summary on the home page."""
        self.page.goto(self.home)
        objective = self.page.locator("article.objective")
        expect(objective).to_contain_text("2 of 2 tasks done", timeout=AGENTS_MS)
        expect(objective).to_contain_text("The tests are green", timeout=AGENTS_MS)
