"""Logging in: by password, by a link that works once, and who may make a login."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from hub.models import User
from hub.web.accounts import enter_path

PASSWORD = "correct horse battery"


@pytest.fixture
def pat(db: None) -> User:
    return User.objects.create_user("pat", password=PASSWORD)


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_a_login_link_works_once(pat: User) -> None:
    link = enter_path(pat)
    first, second = Client(), Client()

    answers = [client.get(link).status_code for client in (first, second)]

    assert answers == [302, 403]
    assert [is_in(first), is_in(second)] == [True, False]


def test_a_used_link_says_what_to_do(pat: User) -> None:
    link = enter_path(pat)
    Client().get(link)

    assert "This link has been used" in Client().get(link).content.decode()


def test_a_login_link_ends_after_three_days(pat: User) -> None:
    link = enter_path(pat)

    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1), tick=False):
        assert Client().get(link).status_code == 403


@pytest.mark.parametrize("change", ["is_active", "password"])
def test_a_link_dies_with_the_login_or_its_password(pat: User, change: str) -> None:
    link = enter_path(pat)
    if change == "is_active":
        pat.is_active = False
    else:
        pat.set_password("another one entirely")
    pat.save(update_fields=[change])

    assert Client().get(link).status_code == 403


@pytest.mark.parametrize("token", ["1", "x-y", "999999-abc-def", "-", "1-" + "a" * 500, "²-a"])
def test_a_forged_link_is_refused(pat: User, token: str) -> None:
    assert Client().get(f"/enter/{token}/").status_code == 403


def test_a_link_of_one_person_lets_nobody_else_in(pat: User) -> None:
    other = User.objects.create_user("sam")
    proof = enter_path(pat).split("-", 1)[1]

    assert Client().get(f"/enter/{other.pk}-{proof}").status_code == 403


def test_a_password_lets_in_and_leads_to_the_projects(pat: User) -> None:
    client = Client()

    answer = client.post("/account/login/", {"login": "pat", "password": PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_in(client)


def test_a_wrong_password_is_refused_in_words_and_keeps_the_name(pat: User) -> None:
    page = Client().post("/account/login/", {"login": "pat", "password": "no"}).content.decode()

    assert 'role="alert"' in page
    assert 'value="pat"' in page


@pytest.mark.parametrize(("is_open", "words"), [(False, "by invitation"), (True, "Make a login")])
def test_strangers_make_a_login_only_where_that_is_allowed(
    db: None, settings: Settings, is_open: bool, words: str
) -> None:
    settings.PARLEY_OPEN_SIGNUP = is_open
    client = Client()

    page = client.get("/account/signup/").content.decode()
    sent = {"username": "new", "password1": PASSWORD}
    client.post("/account/signup/", sent)

    assert words in page
    assert User.objects.filter(username="new").exists() is is_open


def test_logging_out_asks_once(pat: User) -> None:
    client = Client()
    client.force_login(pat)

    assert "Log out?" in client.get("/account/logout/").content.decode()
    assert is_in(client)
    client.post("/account/logout/")
    assert not is_in(client)
