"""Without JavaScript everything but live updates works: plain forms and links."""

import re

from playwright.sync_api import expect

from agents.models import PullRequest
from hub.models import Decision

from .browsers import PHONE
from .conftest import Enter
from .office import Office, wait_until
from .test_live import composer, message


def test_a_message_is_posted_without_javascript(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", office.channel(), java_script_enabled=False)

    composer(page).fill("Said **plainly**.")
    page.get_by_role("button", name="Send").click()

    expect(page).to_have_url(office.channel())
    expect(message(page, "Said plainly.").locator("strong")).to_have_text("plainly")


def test_a_refusal_without_javascript_keeps_the_form(office: Office, enter: Enter, watch) -> None:
    watch.expects("answer: 404|status of 404")
    page = enter(office, "Ada", "do/task.open/", java_script_enabled=False)

    page.get_by_label("Title").fill("Land")
    page.get_by_label("Objective").fill("99")
    page.get_by_label("Brief").fill("Land softly.")
    page.get_by_role("button", name="Do it").click()

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Brief")).to_have_value("Land softly.")


def test_a_question_is_answered_without_javascript(office: Office, enter: Enter) -> None:
    office.act("Grace", "decision.ask", text="Where?", choices=["Sea", "Tycho"])
    page = enter(office, "Ada", "needs-you/", java_script_enabled=False)

    page.get_by_role("button", name="Tycho").click()

    expect(page.locator("#decision-1")).to_contain_text("chose 2, Tycho")


def test_the_rail_is_a_sheet_on_a_phone_without_javascript(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", java_script_enabled=False, size=PHONE)

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Channels").click()
    page.get_by_role("link", name="standup", exact=True).click()

    expect(page).to_have_url(re.compile(r"/c/\d+/$"))


def test_a_change_is_approved_and_merged_without_javascript(begun, enter: Enter) -> None:
    office = begun["plain"]
    pulls = PullRequest.objects.filter(project=office.project)
    reviews = Decision.objects.open().filter(project=office.project, kind="review")
    wait_until(reviews.exists, "a review")
    page = enter(office, "Ada", "pull/1/", java_script_enabled=False, size=PHONE)

    page.locator("tr.added td.line a").first.click()
    page.get_by_role("textbox", name="Note on line").fill("Good line.")
    page.get_by_placeholder("In words").fill("As it should be.")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".review-given", has_text="As it should be.")).to_contain_text("Good line.")
    page.get_by_role("button", name="Merge", exact=True).click()
    wait_until(pulls.filter(state="merged").exists, "the merge")
    page.reload()

    expect(page.get_by_text("merged as")).to_be_visible()
