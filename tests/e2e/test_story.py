"""The main job clicked through: from a sentence to two merged changes, wide and on a phone."""

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from agents.models import PullRequest

from .browsers import PHONE, WIDE
from .conftest import Enter
from .office import open_office
from .story import Story
from .watch import overflow

NOTE = "Does this also match at the end of a line?"


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_person_clicks_an_objective_through_to_the_merge(house, enter: Enter, size) -> None:
    office = open_office(house, "Ada", team=True)
    page = enter(office, "Ada", size=size, by_link=True)
    story = Story(page, office.url())

    story.ask()
    story.open_review(1)
    story.write_note(NOTE)
    story.approve("Right, and small.")
    expect(page.locator(".review-given", has_text=NOTE)).to_be_visible()
    assert overflow(page) == 0
    story.merge()
    story.answer("Compact, one line each")
    story.open_review(2)
    story.approve("Merge it.")
    story.merge()
    story.read_the_end()

    page.goto(office.url("board/"))
    expect(page.locator("#column-done article.task")).to_have_count(2)
    expect(page.locator("#column-working article.task")).to_have_count(0)
    assert overflow(page) == 0
    assert {row.state for row in PullRequest.objects.filter(project=office.project)} == {"merged"}
    tested = subprocess.run(
        [sys.executable, "-m", "unittest", "-q"], cwd=office.project.repository, check=False
    )
    assert tested.returncode == 0
