"""From a login, a member or a project to an Actor."""

import pytest
from django.contrib.auth.models import AnonymousUser

from hub import clock, identify
from hub.actions import members
from hub.errors import Forbidden, Invalid, NotFound
from hub.models import HOUSE, Member, Project, User
from hub.models.projects import is_held, project_lock
from tests.cast import act, login


def test_a_login_acts_as_its_member_of_the_project(ada):
    actor = identify.of_user(User.objects.get(username="ada"), "moon")

    assert (actor.member_id, actor.project_id) == (ada.member_id, ada.project_id)
    assert (actor.entry, actor.run_id) == ("page", None)
    assert "manage" in actor.capabilities


@pytest.mark.parametrize("slug", ["mars", "house", "nowhere"])
def test_a_project_that_one_is_not_in_does_not_exist(ada, eve, slug):
    with pytest.raises(NotFound) as refusal:
        identify.of_user(User.objects.get(username="ada"), slug)

    assert refusal.value.code == "project.unknown"


def test_who_is_not_logged_in_is_nobody(ada):
    with pytest.raises(NotFound):
        identify.of_user(AnonymousUser(), "moon")
    with pytest.raises(Forbidden):
        identify.of_house(AnonymousUser())


def test_who_has_left_is_outside(ada, grace):
    act(ada, "member.retire", name="grace")

    with pytest.raises(NotFound):
        identify.of_user(User.objects.get(username="grace"), "moon")


def test_an_archived_project_is_closed(ada, moon):
    Project.objects.filter(pk=moon.pk).update(archived_at=clock.now())

    with pytest.raises(NotFound):
        identify.of_user(User.objects.get(username="ada"), "moon")


def test_a_member_of_the_house_acts_there(db):
    neil = login("neil")
    with project_lock(HOUSE) as lock:
        members.add(identify.of_hub(HOUSE).at(lock.now), "neil", "owner", user_id=neil.pk)

    actor = identify.of_house(neil)

    assert actor.project_id == HOUSE
    assert "house" in actor.capabilities


def test_a_member_is_called_by_one_word(ada):
    with project_lock(ada.project_id) as lock, pytest.raises(Invalid) as refusal:
        members.add(ada.at(lock.now), "two words", "manager")

    assert refusal.value.code == "member.name"
    assert not Member.objects.filter(name="two words").exists()


def test_the_lock_of_no_project_is_not_found(db):
    with pytest.raises(NotFound) as refusal, project_lock(404):
        pass

    assert refusal.value.code == "project.unknown"
    assert not is_held(404)


def test_the_clock_is_the_databases_and_aware(db):
    first = clock.now()

    second = clock.now()

    assert first.utcoffset() is not None
    assert first < second
    assert clock.now(first) == first
