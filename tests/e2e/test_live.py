"""Two browsers on one channel: what one does, the other sees without a reload."""

import os
import re
import signal

from playwright.sync_api import Locator, Page, expect

from tests.hub.running import House

from .conftest import Enter
from .office import Office, wait_until
from .watch import Watch

BACK_MS = 30_000


def composer(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message #project")


def say(page: Page, text: str) -> None:
    composer(page).fill(text)
    page.keyboard.press("Enter")


def message(page: Page, text: str) -> Locator:
    return page.locator("article.message", has_text=text)


def test_a_message_posted_in_one_browser_appears_in_the_other(office: Office, enter: Enter) -> None:
    ada = enter(office, "Ada", office.channel())
    grace = enter(office, "Grace", office.channel())

    say(ada, "The landing is at **noon**.")

    shown = message(grace, "The landing is at noon.")
    expect(shown).to_have_count(1)
    expect(shown.locator("strong")).to_have_text("noon")
    expect(message(ada, "The landing is at noon.")).to_have_count(1)
    expect(composer(ada)).to_have_value("")
    expect(grace.get_by_text("Nothing was said here yet")).to_be_hidden()


def test_edits_reactions_and_deletions_appear_in_the_other_browser(
    office: Office, enter: Enter
) -> None:
    said = office.act("Ada", "message.post", channel="project", text="We land at none.")
    thread = office.url(f"m/{said['number']}/")
    ada = enter(office, "Ada", thread)
    grace = enter(office, "Grace", office.channel())

    ada.get_by_role("textbox", name="Change what it says").fill("We land at noon.")
    ada.get_by_role("button", name="Save the change").click()
    expect(message(grace, "We land at noon.")).to_contain_text("edited")

    message(grace, "We land at noon.").hover()
    grace.get_by_label("React", exact=True).click()
    grace.get_by_role("button", name="React with 👍").click()
    expect(ada.get_by_role("button", name="👍 1, from Grace")).to_have_text("👍 1")

    ada.get_by_text("Take it back…").click()
    ada.get_by_role("button", name="Take it back").click()
    expect(message(grace, "taken back by its author")).to_have_count(1)
    expect(message(grace, "We land at noon.")).to_have_count(0)


def test_a_reply_appears_under_its_message_and_in_the_open_thread(
    office: Office, enter: Enter
) -> None:
    said = office.act("Ada", "message.post", channel="project", text="When do we land?")
    ada = enter(office, "Ada", office.url(f"m/{said['number']}/"))
    grace = enter(office, "Grace", office.channel())

    message(grace, "When do we land?").hover()
    grace.get_by_label("Reply", exact=True).click()
    answer = grace.locator("#panel").get_by_role("textbox", name="Reply")
    answer.fill("At noon.")
    answer.press("Enter")

    expect(ada.locator(".replies-list")).to_contain_text("At noon.")
    expect(grace.locator("#panel .replies-list")).to_contain_text("At noon.")
    asked = grace.locator(f".messages #message-{said['number']}")
    expect(asked.get_by_role("link", name="1 reply")).to_be_visible()


def test_what_needs_a_person_counts_up_on_every_open_page(office: Office, enter: Enter) -> None:
    ada = enter(office, "Ada", "board/")
    expect(ada.get_by_role("status", name="What needs you")).to_contain_text("Nothing needs you")

    office.act("Grace", "decision.ask", text="Where do we land?", choices=["Sea", "Tycho"])

    strip = ada.get_by_role("status", name="What needs you")
    expect(strip).to_contain_text("1 needs you · next: Grace asks Where do we land?")
    expect(ada).to_have_title(re.compile(r"^\(1\) Board"))


def test_a_page_whose_server_died_catches_up_without_loss_or_repeat(
    house: House, office: Office, enter: Enter, watch: Watch
) -> None:
    watch.expects(r"WebSocket|htmx:wsError|request: |answer: 5")
    page = enter(office, "Ada", office.channel())
    office.act("Grace", "message.post", channel="project", text="before 0")
    expect(message(page, "before 0")).to_have_count(1)
    old = house.pid_of("web")

    os.kill(old, signal.SIGKILL)
    for number in range(5):
        office.act("Grace", "message.post", channel="project", text=f"meanwhile {number}")
    expect(page.locator("#live-state")).to_be_visible()
    wait_until(lambda: house.pid_of("web") != old, "a new web process")

    expect(message(page, "meanwhile 4")).to_have_count(1, timeout=BACK_MS)
    expect(page.locator("#live-state")).to_be_hidden()
    office.act("Grace", "message.post", channel="project", text="after 0")
    expect(message(page, "after 0")).to_have_count(1)
    said = page.locator(".messages article.message .prose").all_inner_texts()
    assert said == ["before 0", *(f"meanwhile {number}" for number in range(5)), "after 0"]
