"""Everything by the keyboard: going, moving, choosing, replying, the palette, the help."""

import re

import pytest
from playwright.sync_api import Page, expect

from .conftest import Enter
from .office import Office
from .test_live import composer

PLACES = {
    "h": r"/p/[\w-]+/$",
    "n": "/needs-you/$",
    "c": r"/c/\d+/$",
    "b": "/board/$",
    "t": "/team/$",
    "l": "/log/$",
    "s": "/settings/$",
    "p": r"\d/$",
}


@pytest.fixture
def page(office: Office, enter: Enter) -> Page:
    """Ada's needs-you page with two open questions of Grace."""
    for text in ("Where do we land?", "Who steps out first?"):
        office.act("Grace", "decision.ask", text=text, choices=["Left", "Right"], recommended=2)
    return enter(office, "Ada", "needs-you/")


def test_g_and_a_letter_go_to_a_page(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", "do/task.open/")

    for letter, path in PLACES.items():
        page.locator("body").press("g")
        page.locator("body").press(letter)
        expect(page).to_have_url(re.compile(path))


def test_j_and_k_move_through_the_cards_and_a_number_answers(page: Page) -> None:
    first, second = page.locator("#decision-1"), page.locator("#decision-2")

    page.keyboard.press("j")
    expect(first).to_be_focused()
    page.keyboard.press("j")
    expect(second).to_be_focused()
    page.keyboard.press("k")
    expect(first).to_be_focused()
    page.keyboard.press("1")

    expect(first).to_contain_text("chose 1, Left")
    expect(second).to_have_class(re.compile("open"))


def test_a_takes_what_is_recommended(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("a")

    expect(page.locator("#decision-2")).to_contain_text("chose 2, Right")


def test_r_begins_an_answer_in_words_and_letters_are_text_again(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("r")
    field = page.get_by_role("textbox", name="Answer in words").first
    expect(field).to_be_focused()
    page.keyboard.type("jg1?")

    expect(field).to_have_value("jg1?")
    page.keyboard.press("Enter")
    expect(page.locator("#decision-1")).to_contain_text("chose jg1?")


def test_r_in_a_channel_goes_to_the_composer(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", office.channel())

    page.locator("body").press("r")

    expect(composer(page)).to_be_focused()


@pytest.mark.parametrize("keys", ["Control+k", "/"])
def test_the_palette_narrows_to_what_is_typed_and_goes_there(page: Page, keys: str) -> None:
    page.locator("body").press(keys)
    palette = page.get_by_role("dialog", name="Go anywhere, do anything")
    expect(palette).to_be_visible()

    page.keyboard.type("open a task")
    expect(palette.locator("li:visible").first).to_contain_text("task.open")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/do/task.open/$"))


def test_the_palette_is_walked_with_arrows_and_closed_with_escape(page: Page) -> None:
    page.locator("body").press("Control+k")
    palette = page.get_by_role("dialog", name="Go anywhere, do anything")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(palette.locator("li:visible a").nth(1)).to_be_focused()

    page.keyboard.press("Escape")

    expect(palette).to_be_hidden()


def test_a_question_mark_shows_the_keys_and_escape_hides_them(page: Page) -> None:
    page.locator("body").press("?")
    keys = page.get_by_role("dialog", name="Keyboard")
    expect(keys).to_contain_text("next, previous")

    page.keyboard.press("Escape")

    expect(keys).to_be_hidden()


def test_escape_leaves_a_field_so_that_keys_work_again(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", office.channel())
    composer(page).click()

    page.keyboard.press("Escape")
    page.keyboard.press("?")

    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_a_name_is_completed_after_an_at_sign(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", office.channel())
    composer(page).click()

    page.keyboard.type("Hello @gr")
    expect(page.get_by_role("option", name="Grace")).to_be_visible()
    page.keyboard.press("Tab")

    expect(composer(page)).to_have_value("Hello @Grace ")
