"""Two browsers on one channel: what one does, the other sees without a reload."""

from playwright.sync_api import Page, expect

from .conftest import Enter
from .office import Office


def say(page: Page, text: str) -> None:
    page.get_by_label("Message #project").fill(text)
    page.keyboard.press("Enter")


def message(page: Page, text: str):
    return page.locator("article.message", has_text=text)


def test_a_message_posted_in_one_browser_appears_in_the_other(office: Office, enter: Enter) -> None:
    ada = enter(office, "Ada", office.channel())
    grace = enter(office, "Grace", office.channel())

    say(ada, "The landing is at **noon**.")

    shown = message(grace, "The landing is at noon.")
    expect(shown).to_have_count(1)
    expect(shown.locator("strong")).to_have_text("noon")
    expect(message(ada, "The landing is at noon.")).to_have_count(1)
    expect(ada.get_by_label("Message #project")).to_have_value("")
