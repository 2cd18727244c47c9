"""Logged-in browsers of the cast, for tests of pages."""

import pytest
from django.test import Client

from hub import identify
from hub.actions import members
from hub.actor import Actor
from hub.models import HOUSE, User
from hub.models.projects import project_lock
from tests.cast import login


def browser_of(actor: Actor) -> Client:
    """Log a person of the cast in."""
    client = Client()
    client.force_login(User.objects.get(pk=actor.user_id))
    return client


@pytest.fixture
def browser(ada: Actor) -> Client:
    """Ada's browser."""
    return browser_of(ada)


@pytest.fixture
def hazel(db: None) -> Client:
    """The browser of an owner of the house, who is in no project."""
    user = login("hazel")
    with project_lock(HOUSE) as lock:
        members.add(identify.of_hub(HOUSE).at(lock.now), "hazel", "owner", user_id=user.pk)
    client = Client()
    client.force_login(user)
    return client
