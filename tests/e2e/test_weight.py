"""What a first visit loads: little, from one place, without a shift."""

import pytest
from playwright.sync_api import Response

from .browsers import PHONE, WIDE
from .conftest import Enter
from .office import Office

FIRST_LOAD_BYTES_MAX = 150_000
SHIFT_MAX = 0.02
PATHS = ("", "needs-you/", "c/1/", "board/", "team/", "o/1/", "results/", "settings/")
SLOW = 6  # times slower than this machine: what shifts, shifts where reading takes a while
SHIFTS = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((it) => { sum += it.value; }))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 500);
})"""


def test_a_first_load_is_at_most_150_kb_without_fonts(office: Office, enter: Enter) -> None:
    for number in range(60):
        office.act("Ada", "message.post", channel="project", text=f"Line {number} of **many**.")
    page = enter(office, "Ada", "needs-you/")
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))

    page.goto(office.channel(), wait_until="networkidle")

    sizes = {answer.url: answer.request.sizes() for answer in answers}
    loaded = {
        url: size["responseBodySize"] + size["responseHeadersSize"]
        for url, size in sizes.items()
        if "/fonts/" not in url
    }
    assert len(loaded) > 10
    assert {url for url in loaded if not url.startswith(office.house.url)} == set()
    assert sum(loaded.values()) <= FIRST_LOAD_BYTES_MAX, loaded


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_pages_do_not_shift_while_they_load(office: Office, enter: Enter, size) -> None:
    office.act("Grace", "decision.ask", text="Where?", choices=["Sea", "Tycho"])
    office.act("Grace", "message.post", channel="project", text="Look `here`.")
    office.act("Ada", "objective.open", text="Land on the moon")
    page = enter(office, "Ada", size=size)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOW})

    shifts = {}
    for path in PATHS:
        page.goto(office.url(path))
        shifts[path] = page.evaluate(SHIFTS)

    assert {path: shift for path, shift in shifts.items() if shift > SHIFT_MAX} == {}
