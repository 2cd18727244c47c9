"""The global stop: who may pull it, from where, and what shows it."""

import pytest
from django.test import Client

from hub import identify
from hub.actions import members
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid
from hub.models import HOUSE, Event, Message, Project, User
from hub.models.projects import project_lock
from tests.cast import act, log_end, logged, without
from tests.threads import together

IN_WORDS = "Only the house's members stop or lift everything."


@pytest.fixture
def house(db) -> Actor:
    return identify.of_hub(HOUSE, "test")


@pytest.fixture
def host(ada: Actor) -> Actor:
    """Ada, who is a member of the house too."""
    with project_lock(HOUSE) as lock:
        members.add(identify.of_hub(HOUSE).at(lock.now), "ada", "owner", user_id=ada.user_id)
    return ada


def is_stopped() -> bool:
    return Project.objects.get(pk=HOUSE).paused_at is not None


def test_stop_stops_the_house_from_any_project_and_logs_one_event_there(host, house):
    before, here = log_end(house), log_end(host)

    act(host, "house.stop", reason="it runs wild")

    event = Event.objects.get(project_id=HOUSE, name="house.stopped")
    assert is_stopped()
    assert logged(house, before) == ["house.stopped"]
    assert event.actor.user_id == host.user_id
    assert event.facts == {"reason": "it runs wild", "said_in": host.project_id}
    assert log_end(host) == here


def test_a_second_stop_is_refused_and_the_first_stays(host):
    act(host, "house.stop")

    with pytest.raises(Conflict) as refusal:
        act(host, "house.stop")

    assert refusal.value.code == "house.stopped"
    assert is_stopped()


def test_lift_lets_everything_go_on_and_logs_one_event(host, house):
    act(host, "house.stop")
    before = log_end(house)

    act(host, "house.lift")

    assert not is_stopped()
    assert logged(house, before) == ["house.lifted"]


def test_lift_refuses_when_nothing_is_stopped(host):
    with pytest.raises(Conflict) as refusal:
        act(host, "house.lift")

    assert refusal.value.code == "house.not_stopped"


@pytest.mark.parametrize("name", ["house.stop", "house.lift"])
def test_without_the_right_to_decide_nothing_is_stopped(host, name):
    with pytest.raises(Forbidden) as refusal:
        act(without(host, "decide"), name)

    assert refusal.value.code == "capability.missing"
    assert not is_stopped()


@pytest.mark.parametrize("name", ["house.stop", "house.lift"])
def test_the_owner_of_one_project_stops_no_other(eve, ada, name):
    """Eve holds every right in mars; the house is not hers."""
    with pytest.raises(Forbidden) as refusal:
        act(eve, name)

    assert (refusal.value.code, refusal.value.message) == ("house.closed", IN_WORDS)
    assert not is_stopped()


@pytest.mark.parametrize("name", ["house.stop", "house.lift"])
def test_agents_and_parley_itself_pull_no_brake_of_the_house(em, hub, name):
    for actor in (em, hub):
        with pytest.raises(Forbidden):
            act(actor, name)


@pytest.mark.parametrize("name", ["house.stop", "house.lift"])
def test_bad_arguments_are_refused(host, name):
    with pytest.raises(Invalid):
        act(host, name, everywhere=True)


def test_a_plain_member_of_a_project_who_is_in_the_house_stops_it_in_chat(grace, house):
    with project_lock(HOUSE) as lock:
        members.add(house.at(lock.now), "grace", "owner", user_id=grace.user_id)

    act(grace, "message.post", channel="lobby", text="!stop the tests eat the disk")

    reply = Message.objects.get(author__kind="hub")
    assert is_stopped()
    assert "until somebody says `!lift`" in reply.text
    act(grace, "message.post", channel="lobby", text="!lift")
    assert not is_stopped()


def test_a_stop_by_a_stranger_to_the_house_is_answered_in_words(grace):
    act(grace, "message.post", channel="lobby", text="!stop")

    assert Message.objects.get(author_id=grace.member_id).refusal == IN_WORDS
    assert not is_stopped()


def test_of_two_stops_at_once_from_two_projects_one_is_refused(host, eve, house):
    """The house is locked last, so neither waits for what the other holds."""
    with project_lock(HOUSE) as lock:
        members.add(house.at(lock.now), "eve", "owner", user_id=eve.user_id)

    answers = together(2, lambda index: act((host, eve)[index], "house.stop"))

    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert [answer.code for answer in refused] == ["house.stopped"]
    assert is_stopped()


# -- Pages ----------------------------------------------------------------------------------------
def browse(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.user_id))
    return client


@pytest.mark.parametrize("page", ["/", "/p/moon/", "/p/moon/board/", "/p/moon/team/"])
def test_a_stop_is_a_banner_on_every_page(host, grace, page):
    act(host, "house.stop")

    mine, theirs = (browse(who).get(page).content.decode() for who in (host, grace))

    assert "Everything is stopped" in mine
    assert "Lift the stop" in mine
    assert "Everything is stopped" in theirs
    assert "Lift the stop" not in theirs


@pytest.mark.parametrize("page", ["/", "/p/moon/"])
def test_the_button_is_there_for_those_who_may(host, grace, page):
    mine, theirs = (browse(who).get(page).content.decode() for who in (host, grace))

    assert "Stop everything, in all projects" in mine
    assert "Stop everything, in all projects" not in theirs
    assert "Everything is stopped" not in mine


def test_the_button_stops_and_the_page_is_shown_again(host):
    answer = browse(host).post("/p/moon/do/house.stop/", {"next": "/p/moon/board/"})

    assert (answer.status_code, answer["Location"]) == (303, "/p/moon/board/")
    assert is_stopped()
