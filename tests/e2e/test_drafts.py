"""Nothing typed is ever lost: drafts survive a reload and a refusal, and go when they are sent."""

from playwright.sync_api import expect

from .conftest import Enter
from .office import Office
from .test_live import composer, message
from .watch import Watch

TOO_LONG = "Far too long. " * 6_000


def test_a_draft_survives_a_reload(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", office.channel())

    composer(page).fill("half a sent")
    page.reload()

    expect(composer(page)).to_have_value("half a sent")


def test_a_post_that_went_through_leaves_no_draft(office: Office, enter: Enter) -> None:
    page = enter(office, "Ada", office.channel())

    composer(page).fill("a whole sentence")
    page.keyboard.press("Enter")
    expect(message(page, "a whole sentence")).to_have_count(1)
    page.reload()

    expect(message(page, "a whole sentence")).to_have_count(1)
    expect(composer(page)).to_have_value("")


def test_a_refused_post_says_why_and_keeps_what_was_typed(
    office: Office, enter: Enter, watch: Watch
) -> None:
    watch.expects(r"422|htmx:responseError")
    page = enter(office, "Ada", office.channel())

    composer(page).fill(TOO_LONG)
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("65536")
    expect(composer(page)).to_have_value(TOO_LONG)
    page.reload()
    expect(composer(page)).to_have_value(TOO_LONG)


def test_a_post_without_network_is_kept_and_can_be_sent_again(
    office: Office, enter: Enter, watch: Watch
) -> None:
    watch.expects(r"ERR_INTERNET_DISCONNECTED|htmx:sendError|htmx:afterRequest")
    page = enter(office, "Ada", office.channel())
    composer(page).fill("said on a train")

    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(composer(page)).to_have_value("said on a train")
    page.context.set_offline(False)
    page.keyboard.press("Enter")

    expect(message(page, "said on a train")).to_have_count(1)
    expect(composer(page)).to_have_value("")
