"""The operators' admin of sessions and pull requests: drawn with rows, and its actions."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from agents import turns
from agents.models import Session
from hub.models import User


@pytest.fixture
def browser(stage):
    """The stage's person, who is an operator too."""
    operator = User.objects.get(pk=stage.person.user_id)
    User.objects.filter(pk=operator.pk).update(is_staff=True, is_superuser=True)
    browser = Client()
    browser.force_login(User.objects.get(pk=operator.pk))
    return browser


def page(model, what, *args):
    return reverse(f"admin:agents_{model._meta.model_name}_{what}", args=args)


def do(browser, action, row):
    """Do an action on a row; gives what is said about it."""
    chosen = {"action": action, "_selected_action": [row.pk]}
    answer = browser.post(page(Session, "changelist"), chosen)
    *_, last = get_messages(answer.wsgi_request)
    return str(last)


def test_pages_are_drawn_with_what_a_turn_left(stage, browser):
    stage.act("objective.open", text="Count words")
    stage.start("em")
    for _ in range(3):
        turns.run_next("local")
    drawn = set()

    for model in apps.get_app_config("agents").get_models():
        if model not in admin.site._registry:
            continue
        assert browser.get(page(model, "changelist")).status_code == 200
        row = model.objects.first()
        if row is not None:
            assert browser.get(page(model, "change", row.pk)).status_code == 200
            drawn.add(model.__name__)

    assert {"Session", "Turn", "Step", "ToolCall", "Entry", "Target"} <= drawn


def test_an_operator_pauses_resumes_and_cancels_a_session(stage, browser):
    row = stage.start("em")
    actions = ("session_pause", "session_pause", "session_resume", "session_cancel")

    said = [do(browser, action, row) for action in actions]

    row.refresh_from_db()
    assert said[0] == "Pause: 1 done."
    assert "paused or over already" in said[1]
    assert said[2:] == ["Resume: 1 done.", "Cancel: 1 done."]
    assert row.state == "canceled"
