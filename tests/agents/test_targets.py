"""Machines report what holds agents' commands; the house logs it, and every page shows it."""

from collections.abc import Iterator

import pytest
from django.test import Client

from agents.models import Target
from hub import identify
from hub.actor import Actor
from hub.errors import Forbidden, Invalid
from hub.models import HOUSE, User
from hub.parts import notices
from tests.cast import act, log_end, logged, without

from .stage import Set

REPORT = {"target": "local", "is_contained": False, "words": "Nothing holds them."}


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    notices.forget()
    yield
    notices.forget()


@pytest.fixture
def house(db: None) -> Actor:
    return identify.of_hub(HOUSE, "test")


@pytest.fixture
def browser(stage: Set) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=stage.person.user_id))
    return client


def test_each_start_without_containment_is_logged_in_the_house(house):
    before = log_end(house)

    act(house, "target.report", **REPORT)
    act(house, "target.report", **REPORT)

    row = Target.objects.get(name="local")
    assert (row.is_contained, row.containment) == (False, "Nothing holds them.")
    assert logged(house, before) == ["target.uncontained"] * 2


def test_a_contained_machine_is_logged_only_where_it_was_not(house):
    before = log_end(house)
    held = {**REPORT, "is_contained": True}

    act(house, "target.report", **held)
    act(house, "target.report", **REPORT)
    act(house, "target.report", **held)

    assert Target.objects.get().is_contained
    assert logged(house, before) == ["target.uncontained", "target.contained"]


def test_only_parley_itself_reports(house):
    with pytest.raises(Forbidden) as refusal:
        act(without(house, "hub"), "target.report", **REPORT)

    assert refusal.value.code == "capability.missing"
    assert not Target.objects.exists()


def test_a_project_is_told_nothing(stage: Set):
    with pytest.raises(Forbidden) as refusal:
        act(stage.hub(), "target.report", **REPORT)

    assert refusal.value.code == "target.not_house"


@pytest.mark.parametrize("target", ["", "My Laptop", "x" * 41])
def test_a_name_that_is_no_machines_is_refused(house, target):
    with pytest.raises(Invalid):
        act(house, "target.report", **{**REPORT, "target": target})


@pytest.mark.parametrize("path", ["", "team/", "c/1/", "board/", "needs-you/", "log/"])
def test_every_page_says_that_agents_run_without_containment(house, browser, path):
    act(house, "target.report", **REPORT)

    shown = browser.get(f"/p/word-count/{path}").content.decode()

    assert "local: Nothing holds them." in shown


def test_no_page_says_so_where_they_are_contained(house, browser):
    act(house, "target.report", **{**REPORT, "is_contained": True})

    shown = browser.get("/p/word-count/team/").content.decode()

    assert "local: Nothing holds them." not in shown
    assert "Nothing holds them." in shown  # in the list of machines


def test_a_page_does_not_ask_again_within_five_seconds(house, browser, monkeypatch):
    monkeypatch.setattr(notices, "KEPT_S", 1e9)
    browser.get("/p/word-count/")
    act(house, "target.report", **REPORT)

    soon = browser.get("/p/word-count/").content.decode()
    monkeypatch.setattr(notices, "KEPT_S", -1.0)
    later = browser.get("/p/word-count/").content.decode()

    assert "Nothing holds them" not in soon
    assert "Nothing holds them" in later
