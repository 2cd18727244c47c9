"""The team page of a project with many agents, over HTTP, and how many queries it makes."""

from collections.abc import Iterator

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.floor_turns import Cards
from bench.measure import Line, drive, line
from bench.stage import Stage, build, cookie_of, seat
from bench.wire import Visitor


def lines(address: tuple[str, int], agents: int, seconds: float) -> Iterator[Line]:
    """Measure the page with so many agents, beside one statement that reads what it shows."""
    stage = build("bench team", 1)
    seat(stage, agents)
    floor = drive([Cards(stage, 0)], seconds)
    yield line("floor team page", 1, floor, floor)
    path = f"/p/{stage.slug}/team/"
    taken = drive([Visitor(address, cookie_of(stage.user), path)], seconds)
    facts = {"agents": float(agents), "queries": float(_queries(stage, path))}
    yield line("team page", 1, taken, floor, **facts)


def _queries(stage: Stage, path: str) -> int:
    """Count in this process what the page asks for when somebody goes there from another page."""
    browser = Client(SERVER_NAME="127.0.0.1")
    browser.force_login(stage.user)
    browser.get(f"/p/{stage.slug}/log/")
    with CaptureQueriesContext(connection) as captured:
        answer = browser.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answers {answer.status_code}")
    return len(captured)
