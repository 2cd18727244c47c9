"""Ten rows of what needs a person are cleared by the keyboard alone, and by taps on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from hub import identify
from hub.actions import decisions
from hub.markdown import RichText
from hub.models import Decision, DecisionKind
from hub.models.projects import project_lock

from .browsers import PHONE
from .conftest import Enter
from .office import Office
from .watch import overflow

CARDS = (DecisionKind.BUDGET, DecisionKind.BRAKE, DecisionKind.ESCALATION)
TAPS_MAX = 2


@pytest.fixture
def asked(office: Office) -> Office:
    """Ten open cards: four questions about a task, three in words, and one of each other kind."""
    office.act("Ada", "task.open", title="Build a rocket")
    for number in range(4):
        office.act(
            "Grace",
            "decision.ask",
            text=f"Which of the two, in step {number}?",
            choices=["Left", "Right"],
            recommended=2,
            default="2",
            default_in_s=90,
            task=1,
        )
    for number in range(3):
        office.act("Grace", "decision.ask", text=f"What is part {number} called?")
    project = office.project
    with project_lock(project.pk) as lock:
        hub = identify.of_hub(project.pk).at(lock.now)
        for kind in CARDS:
            text = RichText.of(f"This is about a {kind}.")
            decisions.open_card(hub, kind, text, [("Go on", None), ("Stop", None)])
    return office


def open_cards(page: Page):
    return page.locator("#asked .card.open")


def test_ten_rows_are_cleared_by_the_keyboard_alone(asked: Office, enter: Enter) -> None:
    page = enter(asked, "Ada", "needs-you/")
    expect(page).to_have_title(re.compile(r"^\(10\) "))
    favicon = page.locator("#favicon")
    expect(favicon).to_have_attribute("href", re.compile("icon-asks"))

    page.keyboard.press("j")
    for number in range(10):
        here = page.locator(".card:focus")
        expect(here).to_have_class(re.compile("open"))
        name = here.get_attribute("id") or ""
        if here.locator(".choice").count():
            page.keyboard.press("a" if number % 2 else "1")
        else:
            page.keyboard.press("r")
            page.keyboard.type(f"Part {number}")
            page.keyboard.press("Enter")
        expect(page.locator(f"#{name}")).to_contain_text("You chose")

    expect(open_cards(page)).to_have_count(0)
    expect(page).to_have_title(re.compile("^Needs you"))
    expect(favicon).not_to_have_attribute("href", re.compile("icon-asks"))
    rows = Decision.objects.filter(project=asked.project)
    assert {row.state for row in rows} == {"answered"}
    assert {row.answer for row in rows.exclude(kind="question")} == {"Go on"}


def test_ten_rows_are_cleared_on_a_phone_in_two_taps_each(asked: Office, enter: Enter) -> None:
    page = enter(asked, "Ada", "needs-you/", size=PHONE)
    assert overflow(page) == 0

    for left in range(10, 0, -1):
        expect(open_cards(page)).to_have_count(left)
        card = open_cards(page).first
        if card.locator(".choice").count():
            taps = 1
            card.locator(".choice").first.tap()
        else:
            taps = 2
            card.get_by_role("textbox").tap()
            page.keyboard.type("Blue")
            card.get_by_role("button", name="Answer").tap()
        assert taps <= TAPS_MAX

    expect(open_cards(page)).to_have_count(0)
    assert not Decision.objects.open().filter(project=asked.project).exists()


def test_a_clock_counts_in_words_and_a_new_card_joins_its_task(asked: Office, enter: Enter) -> None:
    page = enter(asked, "Ada", "needs-you/")
    clock = page.locator("#asked-task-1 time[data-when=left]").first
    expect(clock).to_have_text(re.compile(r"^in \d+ s$"))
    before = clock.inner_text()

    asked.act("Grace", "decision.ask", text="One more?", choices=["Yes", "No"], task=1)

    expect(page.locator("#asked-task-1 .card")).to_have_count(5)
    expect(page).to_have_title(re.compile(r"^\(11\) "))
    expect(clock).not_to_have_text(before)
