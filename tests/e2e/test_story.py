"""The main job clicked through: from a sentence to two merged changes, wide and on a phone."""

import subprocess
import sys

from playwright.sync_api import Page, expect

from agents.models import PullRequest

from .browsers import PHONE, WIDE
from .conftest import Enter
from .office import Office, open_office
from .story import Story
from .watch import overflow

NOTE = "Does this also match at the end of a line?"


def test_people_click_an_objective_through_to_the_merge(house, enter: Enter) -> None:
    """One at a desk and one on a phone, each with a team of their own, at the same time."""
    offices = [open_office(house, "Ada", team=True) for _ in (WIDE, PHONE)]
    pages = [
        enter(office, "Ada", size=size, by_link=True)
        for office, size in zip(offices, (WIDE, PHONE), strict=True)
    ]
    stories = [Story(page, of.url()) for page, of in zip(pages, offices, strict=True)]

    for story in stories:
        story.ask()
    for story in stories:
        story.open_review(1)
        story.write_note(NOTE)
        story.approve("Right, and small.")
        expect(story.page.locator(".review-given", has_text=NOTE)).to_be_visible()
        assert overflow(story.page) == 0
        story.merge()
    for story in stories:
        story.answer("Compact, one line each")
    for story in stories:
        story.open_review(2)
        story.approve("Merge it.")
        story.merge()
    for story, office in zip(stories, offices, strict=True):
        story.read_the_end()
        look_at_the_end(story.page, office)


def look_at_the_end(page: Page, office: Office) -> None:
    page.goto(office.url("board/"))
    expect(page.locator("#column-done article.task")).to_have_count(2)
    expect(page.locator("#column-working article.task")).to_have_count(0)
    assert overflow(page) == 0
    assert {row.state for row in PullRequest.objects.filter(project=office.project)} == {"merged"}
    tested = subprocess.run(
        [sys.executable, "-m", "unittest", "-q"], cwd=office.project.repository, check=False
    )
    assert tested.returncode == 0
