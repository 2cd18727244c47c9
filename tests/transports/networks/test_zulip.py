"""A channel in a Zulip topic, through lanes and back: the double stands for the server."""

from collections.abc import Iterator

import pytest

from hub.actor import Actor
from hub.models import Decision, Message
from tests.cast import act
from tests.transports.zulip.conftest import WAITS
from tests.transports.zulip.double import Double
from transports.base import KINDS
from transports.models import ChatAccount, Delivery, Network
from transports.zulip.adapter import Zulip

from .running import Office, say, states, wait_for

ROOM = "apollo/moon"


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    monkeypatch.setitem(KINDS, "zulip", lambda account: Zulip(account, WAITS))
    made = Double().start()
    made.stream("apollo")
    made.heartbeat_s = 0.3  # shorter than what a poll is waited for
    yield made
    made.stop()


@pytest.fixture
def bound(double: Double, ada: Actor, mina: Actor) -> Double:
    """Bind the project channel; the agent mina has a bot of her own."""
    main = double.add_user("Parley", is_bot=True)
    mine = double.add_user("Mina Bot", is_bot=True)
    config = {"site": double.site, "email": main.email, "bot:mina": mine.email}
    secret = {"key": main.key, "mina": mine.key}
    act(ada, "network.add", name="zulip", kind="zulip", config=config, secret=secret)
    act(ada, "channel.bind", channel="project", network="zulip", room=ROOM)
    return double


def topic(double: Double) -> list[tuple[str, str]]:
    rows = sorted(double.messages.values(), key=lambda one: one["id"])
    return [(one["sender_full_name"], one["content"]) for one in rows if one["subject"] == "moon"]


def test_what_is_said_arrives_in_the_topic_by_its_speaker(
    bound: Double, ada: Actor, mina: Actor, office: Office
) -> None:
    say(ada, "Hello **team**")
    say(mina, "I plan")

    wait_for(lambda: len(topic(bound)) == 2, lambda: (topic(bound), Network.objects.values()))
    assert topic(bound) == [("Parley", "**ada:** Hello **team**"), ("Mina Bot", "I plan")]
    wait_for(lambda: set(states()) == {"sent"}, states)


def test_a_person_of_zulip_runs_the_team_from_there(
    bound: Double, ada: Actor, grace: Actor, mina: Actor, office: Office
) -> None:
    wait_for(lambda: Network.objects.get().state == "connected", lambda: Network.objects.values())
    bob = bound.add_user("Bob Builder")
    bound.say(bob, ROOM, "TASK: as a guest")
    wait_for(lambda: Message.objects.filter(text="TASK: as a guest").exists())
    assert act(ada, "task.list") == []

    bound.say(bob, ROOM, f"!link {act(grace, 'account.link')['code']}")
    wait_for(lambda: ChatAccount.objects.filter(is_linked=True).exists())
    bound.say(bob, ROOM, "TASK: paint the rocket")
    wait_for(lambda: act(ada, "task.list"))
    number = act(mina, "decision.ask", text="Where?", choices=["Sea", "Tycho"])["number"]
    wait_for(lambda: any(f"!ans {number}" in text for _, text in topic(bound)))
    bound.say(bob, ROOM, f"!ans {number} 2")

    wait_for(lambda: Decision.objects.get(number=number).answer == "Tycho")
    closing = f"grace answers question {number}: Tycho"
    wait_for(lambda: any(closing in text for _, text in topic(bound)), lambda: topic(bound))


def test_a_server_that_dies_in_a_burst_gets_each_message_once_in_order(
    bound: Double, ada: Actor, office: Office
) -> None:
    for number in range(60):
        say(ada, f"n{number}")
    wait_for(lambda: len(topic(bound)) >= 10, lambda: topic(bound))

    bound.stop()
    bound.start()

    wait_for(lambda: len(topic(bound)) >= 60, lambda: (len(topic(bound)), set(states())))
    wait_for(lambda: set(states()) == {"sent"}, lambda: set(states()))
    assert [text for _, text in topic(bound)] == [f"**ada:** n{number}" for number in range(60)]


def test_a_lost_answer_makes_no_second_copy(bound: Double, ada: Actor, office: Office) -> None:
    wait_for(lambda: Network.objects.get().state == "connected")
    bound.fault("502after", on="POST messages")

    say(ada, "once")
    say(ada, "next")

    wait_for(lambda: set(states()) == {"sent"} and len(states()) == 2, states)
    assert [text for _, text in topic(bound)] == ["**ada:** once", "**ada:** next"]


def test_edits_and_deletions_follow(bound: Double, ada: Actor, office: Office) -> None:
    number = say(ada, "Go")
    wait_for(lambda: topic(bound))
    act(ada, "message.edit", message=number, text="Go slowly")
    wait_for(lambda: topic(bound) == [("Parley", "**ada:** Go slowly")], lambda: topic(bound))

    act(ada, "message.delete", message=number)

    wait_for(lambda: topic(bound) == [], lambda: topic(bound))


def test_a_wrong_key_is_a_state_in_words_and_nothing_is_lost(
    bound: Double, ada: Actor, office: Office
) -> None:
    right = next(user for user in bound.users.values() if user.name == "Parley")
    wait_for(lambda: Network.objects.get().state == "connected")
    key, right.key = right.key, "another"
    bound.drop_queues()
    wait_for(lambda: Network.objects.get().state == "refused", lambda: Network.objects.values())
    assert key not in Network.objects.get().state_why
    say(ada, "kept")

    right.key = key

    wait_for(lambda: [text for _, text in topic(bound)] == ["**ada:** kept"], lambda: topic(bound))
    assert not Delivery.objects.filter(state="dead").exists()
