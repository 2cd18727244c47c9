"""Projects: made in the house, changed and paused in themselves."""

from dataclasses import replace

import pytest

from hub import identify
from hub.actions.projects import is_paused
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import HOUSE, Channel, Event, Member, Project, User
from tests.cast import act, last_event, log_end, logged, login


@pytest.fixture
def founder(db):
    """Parley in the house, acting for a login called neil."""
    return replace(identify.of_hub(HOUSE, "test"), user_id=login("neil").pk)


# -- project.create -------------------------------------------------------------------------------
def test_create_furnishes_a_project_that_its_founder_owns(founder):
    before = log_end(founder)

    answer = act(founder, "project.create", name="Sea of Tranquility", purpose="Walk")

    project = Project.objects.get(pk=answer["id"])
    assert answer["slug"] == "sea-of-tranquility"
    assert logged(founder, before) == ["project.created"]
    kinds = list(Channel.objects.filter(project=project).values_list("kind", flat=True))
    assert kinds == ["project", "standup", "errors", "lobby"]
    owner = Member.objects.get(project=project, user__username="neil")
    assert (owner.role, owner.name) == ("owner", "neil")
    names = Event.objects.filter(project=project).order_by("seq").values_list("name", flat=True)
    assert list(names) == ["project.opened", *["channel.created"] * 4, "member.joined"]


def test_a_founder_gets_a_name_that_can_be_mentioned(founder):
    User.objects.update(display_name="Neil Alden Armstrong, Commander of Apollo 11")

    act(founder, "project.create", name="Apollo")

    assert Member.objects.get(user__username="neil").name == "Neil-Alden-Armstrong-Commander-o"


def test_create_refuses_a_taken_name(founder):
    act(founder, "project.create", name="Apollo")

    with pytest.raises(Conflict) as refusal:
        act(founder, "project.create", name="APOLLO!")

    assert refusal.value.code == "project.name_taken"


def test_projects_are_made_in_the_house_only(ada):
    """An owner has the right of the house's members in a project of their own, too."""
    with pytest.raises(Forbidden) as refusal:
        act(ada, "project.create", name="Apollo")

    assert refusal.value.code == "house.only"


def test_outsiders_are_not_let_into_the_house(ada):
    with pytest.raises(Forbidden) as refusal:
        identify.of_house(User.objects.get(username="ada"))

    assert refusal.value.code == "house.closed"


# -- project.update -------------------------------------------------------------------------------
def test_update_changes_what_is_given_and_logs_one_event(ada):
    before = log_end(ada)

    answer = act(ada, "project.update", check_command="make test", base_branch="trunk")

    assert (answer["check_command"], answer["base_branch"]) == ("make test", "trunk")
    assert (answer["name"], answer["provider"]) == ("moon", "rehearsal")
    assert logged(ada, before) == ["project.changed"]
    assert last_event(ada).facts == {"changed": ["base_branch", "check_command"]}


def test_update_takes_a_setting_back_to_empty(ada):
    act(ada, "project.update", check_command="make test")

    assert act(ada, "project.update", check_command="")["check_command"] == ""


def test_update_changes_the_limits_and_the_network(ada, moon):
    wanted = {"name": "Moon", "allows_network": True, "session_calls_per_hour": 7}

    act(ada, "project.update", objective_calls_per_hour=9, **wanted)

    moon.refresh_from_db()
    assert {name: getattr(moon, name) for name in wanted} == wanted
    assert moon.objective_calls_per_hour == 9


def test_update_needs_the_right_to_manage(grace):
    with pytest.raises(Forbidden):
        act(grace, "project.update", allows_network=True)


@pytest.mark.parametrize(
    "wrong", [{"session_calls_per_hour": 0}, {"name": "  "}, {"base_branch": "-d"}]
)
def test_update_refuses_senseless_settings(ada, moon, wrong):
    with pytest.raises(Invalid):
        act(ada, "project.update", **wrong)


# -- project.archive and project.restore ----------------------------------------------------------
def test_an_archived_project_is_gone_until_the_house_restores_it(ada, moon, founder):
    before = log_end(ada)

    act(ada, "project.archive")

    assert logged(ada, before) == ["project.archived"]
    with pytest.raises(NotFound):
        identify.of_user(User.objects.get(username="ada"), "moon")
    act(founder, "project.restore", project="moon")
    moon.refresh_from_db()
    assert (moon.archived_at, moon.paused_at is None) == (None, False)
    assert last_event(founder).name == "project.restored"


def test_archiving_twice_and_the_house_are_refused(ada, founder):
    act(ada, "project.archive")

    for actor, code in ((ada, "project.archived"), (founder, "project.house_stays")):
        with pytest.raises(Conflict) as refusal:
            act(actor, "project.archive")
        assert refusal.value.code == code


def test_archive_needs_the_right_to_manage(grace):
    with pytest.raises(Forbidden):
        act(grace, "project.archive")


def test_only_the_house_restores_and_only_what_is_archived(ada, founder):
    with pytest.raises(Forbidden) as outside:
        act(ada, "project.restore", project="moon")
    with pytest.raises(Conflict) as is_open:
        act(founder, "project.restore", project="moon")
    with pytest.raises(NotFound):
        act(founder, "project.restore", project="nowhere")

    assert (outside.value.code, is_open.value.code) == ("house.only", "project.not_archived")


# -- project.pause and project.resume -------------------------------------------------------------
def test_pause_and_resume_each_log_one_event(ada):
    before = log_end(ada)

    assert act(ada, "project.pause", reason="Storm")["paused_at"] is not None
    assert act(ada, "project.resume")["paused_at"] is None

    assert logged(ada, before) == ["project.paused", "project.resumed"]


def test_pause_refuses_a_project_that_is_paused(ada):
    act(ada, "project.pause")

    with pytest.raises(Conflict) as refusal:
        act(ada, "project.pause")

    assert refusal.value.code == "project.paused"


def test_resume_refuses_a_project_that_is_not_paused(ada):
    with pytest.raises(Conflict) as refusal:
        act(ada, "project.resume")

    assert refusal.value.code == "project.not_paused"


def test_a_pause_of_the_house_pauses_everything(ada, moon, founder):
    act(founder, "project.pause")

    assert is_paused(moon)
    assert moon.paused_at is None


# -- project.show ---------------------------------------------------------------------------------
def test_show_gives_the_settings_and_logs_nothing(ada, moon):
    before = log_end(ada)

    answer = act(ada, "project.show")

    assert (answer["id"], answer["slug"]) == (moon.pk, "moon")
    assert logged(ada, before) == []
