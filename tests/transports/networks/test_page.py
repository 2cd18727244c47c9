"""The page of chat clients and networks, and the actions that its forms do."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from hub import clock
from hub.actor import Actor
from hub.errors import Conflict, Invalid, NotFound
from hub.models import Event, Message, User
from tests.cast import act
from tests.hub.browsers import browser
from tests.hub.test_web_pages import FRAME_QUERIES
from transports import vault
from transports.models import Binding, ChatAccount, Delivery, Network

from .running import connect

__all__ = ["browser"]


def page(browser: Client) -> str:
    answer = browser.get("/p/moon/networks/")
    assert answer.status_code == 200
    return answer.content.decode()


def stuck(ada: Actor, state: str = "dead") -> Delivery:
    """Leave something that did not arrive."""
    number = act(ada, "message.post", channel="project", text="hello")["number"]
    return Delivery.objects.create(
        binding=Binding.objects.get(),
        seq=number,
        kind="post",
        message=Message.objects.get(seq=number),
        speaker_id=ada.member_id,
        state=state,
        error="It is too big.",
        said_at=clock.now(),
    )


def test_it_says_how_to_join_with_irc(browser: Client) -> None:
    html = page(browser)

    assert "127.0.0.1:6667" in html
    assert "/p/moon/do/token.create/" in html


def test_a_network_is_shown_in_words_with_its_rooms_and_what_did_not_arrive(
    browser: Client, ada: Actor
) -> None:
    connect(ada, "loop")
    Network.objects.update(state="waiting", state_why="The server does not answer.")
    stuck(ada)

    html = page(browser)

    for words in (
        "waiting for the server",
        "The server does not answer.",
        "It is too big.",
        "moon",
    ):
        assert words in html
    assert "Send again" in html


def test_the_page_takes_few_queries_for_many_networks(
    browser: Client, ada: Actor, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(8):
        connect(ada, f"loop{number}", room=f"r{number}")

    with django_assert_max_num_queries(FRAME_QUERIES + 6):
        page(browser)


def test_a_form_connects_a_network_and_its_secret_is_shown_nowhere(
    browser: Client, ada: Actor
) -> None:
    fields = {"name": "loop", "kind": "loopback", "config.net": "x", "secret.password": "hunter22"}

    answer = browser.post("/p/moon/do/network.add/", {**fields, "next": "/p/moon/networks/"})

    assert answer.status_code == 303
    row = Network.objects.get()
    assert (row.config, vault.unseal(row.secrets)) == ({"net": "x"}, {"password": "hunter22"})
    assert "hunter22" not in row.secrets
    assert "hunter22" not in page(browser)
    assert not Event.objects.filter(body__contains="hunter22").exists()


def test_secrets_of_another_key_are_refused_in_words(ada: Actor, settings) -> None:
    sealed = vault.seal({"password": "hunter22"})
    settings.SECRET_KEY = "another key, of more than thirty-two characters"

    with pytest.raises(Conflict) as refusal:
        vault.unseal(sealed)

    assert refusal.value.code == "network.sealed"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"kind": "pigeon"}, "network.kind"),
        ({"name": "web"}, "network.reserved"),
        ({"name": "taken"}, "network.taken"),
    ],
)
def test_what_cannot_be_connected_is_refused(ada: Actor, wrong: dict, code: str) -> None:
    act(ada, "network.add", name="taken", kind="loopback")

    with pytest.raises((Invalid, Conflict)) as refusal:
        act(ada, "network.add", **{"name": "loop", "kind": "loopback"} | wrong)

    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("action", "arguments", "code"),
    [
        ("channel.bind", {"channel": "project", "network": "loop", "room": "b"}, "channel_taken"),
        ("channel.bind", {"channel": "standup", "network": "loop", "room": "moon"}, "room_taken"),
        ("channel.unbind", {"channel": "standup", "network": "loop"}, "binding.unknown"),
        ("network.pause", {"network": "else"}, "network.unknown"),
        ("network.resume", {"network": "loop"}, "network.running"),
        ("delivery.resend", {"delivery": 99}, "delivery.unknown"),
    ],
)
def test_what_cannot_be_done_is_refused(
    ada: Actor, action: str, arguments: dict, code: str
) -> None:
    connect(ada, "loop")

    with pytest.raises((Conflict, NotFound)) as refusal:
        act(ada, action, **arguments)

    assert code in refusal.value.code


def test_what_was_sent_is_not_sent_again(ada: Actor) -> None:
    connect(ada, "loop")

    with pytest.raises(Conflict) as refusal:
        act(ada, "delivery.resend", delivery=stuck(ada, "sent").pk)

    assert refusal.value.code == "delivery.sent"


def test_a_paused_network_says_so_and_changed_settings_need_a_new_owner(ada: Actor) -> None:
    connect(ada, "loop")

    act(ada, "network.pause", network="loop")
    assert Network.objects.wanted().count() == 0
    act(ada, "network.resume", network="loop")
    act(ada, "network.change", network="loop", config={"net": "other"})

    row = Network.objects.get()
    assert (row.epoch, row.config) == (1, {"net": "other"})


def test_ones_own_accounts_are_listed(browser: Client, ada: Actor) -> None:
    connect(ada, "loop")
    ChatAccount.objects.create(
        network=Network.objects.get(),
        external_id="ada@over.there",
        member_id=ada.member_id,
        is_linked=True,
        name="Ada",
        created_at=clock.now(),
    )

    assert "ada@over.there on loop" in page(browser)


def test_operators_look_at_everything_but_secrets(ada: Actor, db: None) -> None:
    connect(ada, "loop")
    Network.objects.update(secrets=vault.seal({"password": "hunter22"}))
    stuck(ada)
    operator = Client()
    operator.force_login(User.objects.create_superuser("ops", password="long enough 12"))

    for model in apps.get_app_config("transports").get_models():
        if model not in admin.site._registry:
            continue
        name = f"admin:transports_{model._meta.model_name}"
        assert operator.get(reverse(f"{name}_changelist")).status_code == 200
        row = model.objects.first()
        if row is not None:
            shown = operator.get(reverse(f"{name}_change", args=[row.pk]))
            assert shown.status_code == 200
            assert "secrets" not in shown.content.decode()
