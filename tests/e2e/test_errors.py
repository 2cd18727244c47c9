"""The errors page: trouble arrives live, and is acknowledged with two keys or two taps."""

import pytest
from playwright.sync_api import expect

from .browsers import PHONE, WIDE
from .conftest import Enter
from .office import Office
from .watch import overflow

LONG = "Session 3 is paused after three failed turns: " + "no-space-in-this-" * 20


def test_trouble_arrives_live_and_two_keys_acknowledge_it(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", "errors/")
    expect(page.locator("#troubles")).to_contain_text("Nothing is wrong here")

    office.act("Grace", "trouble.report", text="The pump leaks", severity="critical")
    office.act("Grace", "trouble.report", text="The pump leaks")

    card = page.locator("#trouble-1")
    expect(card).to_contain_text("2 times")
    expect(page.locator("#rail-troubles")).to_have_text("1")
    page.keyboard.press("j")
    expect(card).to_be_focused()
    page.keyboard.press("a")
    expect(card).to_contain_text("Ada looks after it")
    expect(page.locator("#rail-troubles")).to_be_hidden()
    page.keyboard.press("3")
    expect(card).to_contain_text("Ada resolved it")


def test_g_and_e_go_to_the_errors(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", "do/task.open/")

    page.locator("body").press("g")
    page.locator("body").press("e")

    expect(page.get_by_role("heading", name="Errors", level=1)).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, WIDE])
def test_long_words_do_not_widen_the_page(
    office: Office, enter: Enter, size: tuple[int, int]
) -> None:
    office.act("Grace", "trouble.report", text=LONG)

    page = enter(office, "Ada", "errors/", size=size)

    expect(page.locator("#trouble-1")).to_be_visible()
    assert overflow(page) == 0
    button = page.get_by_role("button", name="I look after it").bounding_box()
    assert button is not None
    assert size == WIDE or button["height"] >= 40


def test_what_is_resolved_is_found_under_its_filter(office: Office, enter: Enter) -> None:
    office.act("Grace", "trouble.report", text="The pump leaks")
    office.act("Grace", "trouble.resolve", trouble=1, how="New pump")
    page = enter(office, "Ada", "errors/")
    expect(page.locator("#trouble-1")).to_have_count(0)

    page.get_by_role("link", name="Resolved 1").click()

    expect(page.locator("#trouble-1")).to_contain_text("New pump")
