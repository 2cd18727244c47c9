"""The operators' admin: everything can be looked at; what changes goes through the registry."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from hub.admin.base import ReadOnly
from hub.models import Event, Project, Task, Token, User
from tests.cast import act, last_event, log_end, logged

OURS = [
    (model, site)
    for model, site in admin.site._registry.items()
    if model._meta.app_label in {"hub", "agents"}
]
READ_ONLY = [(model, site) for model, site in OURS if model is not User]


def named(entry):
    return entry[0].__name__


@pytest.fixture
def operator(db):
    return User.objects.create_superuser("ops", password="long enough 12")


@pytest.fixture
def browser(operator):
    browser = Client()
    browser.force_login(operator)
    return browser


@pytest.fixture
def ops(ada, operator):
    """The operator as a member of moon."""
    act(ada, "member.invite", username="ops", role="person")
    return operator


def page(model, what, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


def do(browser, model, action, *rows):
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    answer = browser.post(page(model, "changelist"), chosen)
    assert answer.status_code == 302
    return [str(message) for message in get_messages(answer.wsgi_request)]


# -- Looking --------------------------------------------------------------------------------------
def test_every_model_of_the_hub_has_a_page():
    shown = {model for model, _ in OURS}
    hidden = {"ChannelMember", "Note"}  # they are lines of their channel and their review

    missing = {
        model.__name__
        for label in ("hub", "agents")
        for model in apps.get_app_config(label).get_models()
        if model not in shown
    }
    assert missing == hidden


@pytest.fixture
def furnished(ada, grace, mina):
    """A row of most kinds."""
    act(mina, "trouble.report", text="The pump leaks")
    act(mina, "note.create", title="Dust", text="It sticks")
    act(ada, "objective.open", text="Reach the moon")
    act(ada, "task.open", title="Fuel")
    act(ada, "task.open", title="Land", objective=1, waits_for=[1])
    act(mina, "task.claim", task=1)
    act(mina, "decision.ask", text="Which crater?", task=1)
    said = act(ada, "message.post", key="k", channel="lobby", text="Hello")
    act(ada, "message.react", message=said["number"], emoji="+")
    act(ada, "channel.mark_read", channel="lobby", upto=1)
    act(ada, "channel.direct", member="grace")
    act(ada, "inbox.ack", upto=1)
    act(ada, "presence.set", state="here")
    act(ada, "token.create", label="laptop")
    act(ada, "budget.set", scope="project", cap_usd="20")
    act(ada, "note.create", title="Speed", text="Fast")
    act(ada, "trouble.report", text="The disk is full")
    act(ada, "role.set", role="tester", model="big-1")


@pytest.mark.parametrize("entry", OURS, ids=named)
def test_lists_are_drawn_and_searched(entry, browser, furnished):
    model, site = entry
    words = {"q": "land"} if site.search_fields else {}

    assert browser.get(page(model, "changelist")).status_code == 200
    assert browser.get(page(model, "changelist"), words).status_code == 200


@pytest.mark.parametrize(
    "entry", [one for one in OURS if one[0]._meta.app_label == "hub"], ids=named
)
def test_single_rows_are_drawn(entry, browser, furnished):
    model, _ = entry
    row = model.objects.order_by("-pk").first()
    if row is None:
        assert model.__name__ in {"Run", "Charge"}  # only workers make them
        return

    assert browser.get(page(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("entry", READ_ONLY, ids=named)
def test_nothing_is_added_changed_or_removed_here(entry, browser, furnished):
    model, site = entry
    row = model.objects.order_by("-pk").first()

    assert isinstance(site, ReadOnly)
    assert browser.get(page(model, "add")).status_code == 403
    if row is not None:
        assert browser.post(page(model, "change", row.pk), {"name": "x"}).status_code == 403
        assert browser.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_lists_ask_the_database_the_same_number_of_times_however_long(
    ada, browser, django_assert_max_num_queries
):
    for number in range(12):
        act(ada, "task.open", title=f"Land {number}", to="ada")

    for model in (Task, Event):
        with django_assert_max_num_queries(10):
            browser.get(page(model, "changelist"))


def test_a_token_is_shown_without_what_is_stored_of_its_secret(browser, furnished):
    token = Token.objects.get()

    shown = browser.get(page(Token, "change", token.pk)).content.decode()

    assert token.hint in shown
    assert token.digest not in shown


def test_who_is_no_operator_sees_nothing(ada):
    browser = Client()
    browser.force_login(User.objects.get(username="ada"))

    assert browser.get(page(Task, "changelist")).status_code == 302


# -- Logins ---------------------------------------------------------------------------------------
def test_logins_are_made_and_changed_here(browser, operator):
    no_lines = {"members-TOTAL_FORMS": "0", "members-INITIAL_FORMS": "0"}
    made = {"username": "neil", "password1": "tranquility 69", "password2": "tranquility 69"}
    browser.post(page(User, "add"), made | no_lines | {"usable_password": "true"})
    neil = User.objects.get(username="neil")

    browser.post(
        page(User, "change", neil.pk),
        {"username": "neil", "display_name": "Neil Armstrong", "is_active": "on"} | no_lines,
    )

    neil.refresh_from_db()
    assert neil.check_password("tranquility 69")
    assert neil.display_name == "Neil Armstrong"


def test_a_login_that_takes_part_somewhere_is_not_removed(browser, ada):
    user = User.objects.get(username="ada")

    assert browser.post(page(User, "delete", user.pk), {"post": "yes"}).status_code == 403
    assert User.objects.filter(username="ada").exists()


# -- Actions --------------------------------------------------------------------------------------
def test_an_action_is_the_operators_own_in_the_rows_project(ada, ops, browser, moon):
    before = log_end(ada)

    said = do(browser, Project, "project_pause", moon)

    assert said == ["Pause: 1 done."]
    assert logged(ada, before) == ["project.paused"]
    assert last_event(ada).actor.user_id == ops.pk
    assert Project.objects.get(pk=moon.pk).paused_at is not None


def test_a_refusal_is_shown_and_the_other_rows_go_on(ada, ops, browser):
    for title in ("Fuel", "Land"):
        act(ada, "task.open", title=title)
    act(ada, "task.drop", task=1)

    said = do(browser, Task, "task_drop", *Task.objects.all())

    refused = "task #1 fuel: This task is dropped; it cannot become dropped."
    assert said == [refused, "Drop: 1 done."]
    assert not Task.objects.live().exists()


def test_an_operator_who_is_no_member_changes_nothing(ada, browser, moon):
    before = log_end(ada)

    said = do(browser, Project, "project_pause", moon)

    assert said == ["project moon: There is no such project, or you are not in it."]
    assert logged(ada, before) == []


def test_an_operator_does_no_more_than_their_role_allows(ada, operator, browser, moon):
    act(ada, "member.invite", username="ops", role="guest")

    (said,) = do(browser, Project, "project_pause", moon)

    assert "right to staff" in said
    assert Project.objects.get(pk=moon.pk).paused_at is None


@pytest.mark.parametrize(
    ("model", "action", "events"),
    [
        ("Token", "token_revoke", ["token.revoked"]),
        ("Objective", "objective_cancel", ["task.dropped", "objective.canceled"]),
        ("Member", "member_retire", ["member.retired"]),
    ],
)
def test_each_action_does_what_it_says(ada, operator, browser, furnished, model, action, events):
    act(ada, "member.invite", username="ops", role="owner")
    found = next(one for one, _ in OURS if one.__name__ == model)
    rows = found.objects.filter(name="grace") if model == "Member" else found.objects.all()
    before = log_end(ada)

    (said,) = do(browser, found, action, *rows)

    assert said.endswith(": 1 done.")
    assert logged(ada, before) == events
