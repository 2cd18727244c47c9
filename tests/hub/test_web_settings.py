"""The settings page: forms that change a project, its roles and its people."""

import pytest
from django.test import Client

from hub.actor import Actor
from hub.models import Project, RoleSettings
from tests.cast import act
from tests.hub.browsers import browser, browser_of, hazel

__all__ = ["browser", "hazel"]
HERE = "/p/moon/settings/"


def send(client: Client, action: str, **fields: object):
    return client.post(f"/p/moon/do/{action}/", {"next": HERE, **fields})


def test_a_form_changes_the_project_and_comes_back(browser: Client, moon: Project) -> None:
    act_fields = {"name": "Moon", "purpose": "Walk", "base_branch": "trunk", "check_command": "ok"}

    answer = send(browser, "project.update", **act_fields)

    moon.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (303, HERE)
    assert {name: getattr(moon, name) for name in act_fields} == act_fields


def test_an_emptied_field_is_emptied_where_the_form_means_it(
    browser: Client, ada: Actor, moon: Project
) -> None:
    act(ada, "project.update", purpose="Walk", check_command="make check")

    send(browser, "project.update", purpose="", check_command="", empty="purpose")

    moon.refresh_from_db()
    assert (moon.purpose, moon.check_command) == ("", "make check")


def test_a_box_without_its_tick_says_no(browser: Client, moon: Project) -> None:
    send(browser, "project.update", merge_needs_person="false", allows_network=["false", "true"])

    moon.refresh_from_db()
    assert (moon.merge_needs_person, moon.allows_network) == (False, True)


def test_what_is_wrong_is_said_beside_its_field_and_the_form_is_kept(
    browser: Client, moon: Project
) -> None:
    answer = send(
        browser, "project.update", purpose="", session_calls_per_hour="0", empty="purpose"
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    beside = page.split('name="session_calls_per_hour"')[1].split("</div>")[0]
    assert 'class="wrong">Input should be greater than or equal to 1' in beside
    assert '<input type="hidden" name="empty" value="purpose">' in page
    moon.refresh_from_db()
    assert moon.session_calls_per_hour == 120


def test_a_roles_models_are_chosen_line_by_line(browser: Client) -> None:
    send(
        browser,
        "role.set",
        role="implementer",
        model="big-1",
        fallback_models="small-1\nsmall-2",
        context_limit_tokens="90000",
    )

    row = RoleSettings.objects.get()
    assert (row.model, row.fallback_models) == ("big-1", ["small-1", "small-2"])
    page = browser.get(HERE).content.decode()
    assert "big-1, hands over at 90\u202f000 tokens" in page


def test_the_providers_that_there_are_can_be_chosen(browser: Client) -> None:
    page = browser.get(HERE).content.decode()

    assert "<option selected>rehearsal</option>" in page


def test_who_may_not_manage_sees_the_settings_and_cannot_send_them(grace: Actor) -> None:
    page = browser_of(grace).get(HERE).content.decode()

    assert "Only an owner changes these" in page
    assert page.count('<fieldset class="stack" disabled>') == page.count("<fieldset")
    assert "Retire…" not in page


def test_an_archived_project_comes_back_from_the_projects_page(
    browser: Client, hazel: Client, moon: Project
) -> None:
    send(browser, "project.archive")

    gone = browser.get(HERE).status_code
    offered = hazel.get("/").content.decode()
    hazel.post("/p/house/do/project.restore/", {"project": "moon", "next": "/"})

    assert gone == 404
    assert "Archived projects" in offered
    assert "Archived projects" not in browser.get("/").content.decode()
    assert browser.get(HERE).status_code == 200


@pytest.mark.parametrize("action", ["role.set", "member.set_role", "project.archive"])
def test_settings_are_refused_without_the_right(grace: Actor, action: str) -> None:
    fields = {"role": "tester", "name": "ada"} if action != "project.archive" else {}

    assert send(browser_of(grace), action, **fields).status_code in {403, 422}
