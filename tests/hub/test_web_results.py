"""Notes and results: on a page of their own, with their objective, and live."""

import pytest
from django.test import Client

from hub.actor import Actor
from hub.models import Event
from hub.parts import live
from hub.web import results
from tests.cast import act
from tests.hub.browsers import browser, hazel

__all__ = ["browser", "hazel"]


@pytest.fixture
def left(ada: Actor, mina: Actor) -> Actor:
    """Two objectives with one note each, and a note of no objective."""
    act(ada, "objective.open", text="Land on the moon")
    act(ada, "objective.open", text="Come home")
    act(mina, "note.create", title="Fuel", text="Hydrogen is **cold**", objective=1)
    act(mina, "note.create", title="Parachute", text="Red", objective=2)
    act(mina, "artifact.add", kind="report", title="Weather", text="Windy")
    return mina


def page(browser: Client, path: str) -> str:
    answer = browser.get(f"/p/moon/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_projects_notes_and_results_newest_first(browser: Client, left: Actor) -> None:
    html = page(browser, "results/")

    assert html.index("Weather") < html.index("Parachute") < html.index("Fuel")
    assert "Hydrogen is <strong>cold</strong>" in html


def test_those_of_one_objective(browser: Client, left: Actor) -> None:
    html = page(browser, "results/?objective=1")

    assert "Hydrogen" in html
    assert "Parachute" not in html


def test_the_objective_shows_its_own_and_leads_to_all(browser: Client, left: Actor) -> None:
    html = page(browser, "o/2/")

    assert "Parachute" in html
    assert "Hydrogen" not in html
    assert "/p/moon/results/?objective=2" in html


def test_an_objective_of_others_is_not_found(browser: Client, left: Actor) -> None:
    assert browser.get("/p/moon/results/?objective=99").status_code == 404


def test_more_than_a_page_leads_on(browser: Client, left: Actor, monkeypatch) -> None:
    monkeypatch.setattr(results, "PAGE", 2)

    assert "?upto=1" in page(browser, "results/")
    assert "Hydrogen" in page(browser, "results/?upto=1")


def test_a_new_one_appears_on_open_pages(left: Actor) -> None:
    event = Event.objects.filter(name="artifact.added", subject="artifact:2").get()

    topics = {topic for part in live.parts_of(event) for topic in part.topics}

    assert topics >= {"results", "objective:2"}
