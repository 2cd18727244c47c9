"""What people over there say is taken in once, under the right name, with their rights alone."""

from collections.abc import Callable

import pytest

from hub.actor import Actor
from hub.models import Member, Message
from tests.cast import act
from transports.base import Sender
from transports.models import ChatAccount, Incoming

from .running import BOB, Office, arrived, connect, texts, told, wait_for


def said(text: str) -> Message | None:
    rows = Message.objects.select_related("author", "reply_to")
    return rows.filter(text=text).first()


def wait_said(text: str) -> Message:
    wait_for(lambda: said(text), lambda: list(Incoming.objects.values_list("state", "why")))
    found = said(text)
    assert found
    return found


def wait_state(state: str, why: str = "") -> None:
    rows = Incoming.objects.filter(state=state, why__contains=why)
    wait_for(rows.exists, lambda: list(Incoming.objects.values_list("state", "why")))


def linked(who: Actor, net, sender: Sender = BOB) -> None:
    """Link an account as people do: a code from the web, typed over there."""
    code = act(who, "account.link")["code"]
    told(net, f"!link {code}", sender)
    wait_for(lambda: ChatAccount.objects.filter(is_linked=True).exists())


def test_a_stranger_is_a_guest_with_the_networks_name_and_commands_nothing(
    ada: Actor, office: Office
) -> None:
    net = connect(ada, "loop")

    told(net, "TASK: let me in")

    row = wait_said("TASK: let me in")
    assert (row.author.name, row.author.role) == ("Bob-loop", "guest")
    assert act(ada, "task.list") == []


def test_who_looks_like_a_member_is_told_apart(ada: Actor, grace: Actor, office: Office) -> None:
    net = connect(ada, "loop")

    told(net, "I am Grace", Sender(id="evil", name="grace"))

    assert wait_said("I am Grace").author.name == "grace-loop"


def test_a_linked_account_speaks_with_its_members_rights(
    ada: Actor, grace: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    linked(grace, net)

    told(net, "TASK: paint the rocket")

    assert wait_said("TASK: paint the rocket").author_id == grace.member_id
    wait_for(lambda: act(ada, "task.list"))
    assert not Message.objects.filter(text__contains="!link").exists()


def test_a_code_works_once_and_a_wrong_one_not_at_all(
    ada: Actor, grace: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    code = act(grace, "account.link")["code"]
    told(net, f"!link {code}")
    wait_for(lambda: ChatAccount.objects.filter(is_linked=True).count() == 1)

    told(net, f"!link {code}", Sender(id="eve", name="Eve"))
    told(net, "!link NONSENSE22", Sender(id="eve", name="Eve"))

    wait_for(lambda: Message.objects.filter(text__startswith="This code is unknown").count() == 2)
    assert ChatAccount.objects.filter(is_linked=True).count() == 1


def test_a_retired_member_has_no_voice_by_any_account(
    ada: Actor, grace: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    linked(grace, net)
    act(ada, "member.retire", name="grace")

    told(net, "still here")

    wait_state("ignored", "may not talk")
    assert said("still here") is None


def test_where_guests_may_not_talk_they_are_ignored(ada: Actor, office: Office) -> None:
    act(ada, "network.add", name="loop", kind="loopback")
    act(ada, "channel.bind", channel="project", network="loop", room="moon", guests=False)
    from transports import loopback

    told(loopback.net("loop"), "hello")

    wait_state("ignored", "guests may not talk")
    assert said("hello") is None


def test_an_unknown_room_is_ignored(ada: Actor, office: Office) -> None:
    net = connect(ada, "loop")

    told(net, "hello", room="elsewhere")

    wait_state("ignored", "no channel is bound")


def test_what_is_told_three_times_is_taken_in_once(ada: Actor, office: Office) -> None:
    net = connect(ada, "loop")

    for _ in range(3):
        told(net, "once", remote_id="r1")
    told(net, "end")

    wait_said("end")
    assert Message.objects.filter(text="once").count() == 1


def test_our_own_words_come_back_and_wake_nobody(ada: Actor, office: Office) -> None:
    net = connect(ada, "loop")

    act(ada, "message.post", channel="project", text="hello")

    wait_state("echo")
    assert Message.objects.filter(text="hello").count() == 1
    assert texts(net) == ["hello"]


def test_what_came_from_a_network_is_not_sent_back_to_it(ada: Actor, office: Office) -> None:
    net = connect(ada, "loop")
    told(net, "from over there")
    number = wait_said("from over there").seq

    act(ada, "message.post", channel="project", text="answer", reply_to=number)

    wait_for(lambda: texts(net) == ["answer"], lambda: texts(net))


def test_answers_edits_reactions_and_deletions_follow(
    ada: Actor, grace: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    act(ada, "message.post", channel="project", text="Where?")
    wait_for(lambda: arrived(net))
    asked = arrived(net)[0].remote_id

    first = told(net, "Tycho", reply_to=asked)
    row = wait_said("Tycho")
    assert row.reply_to.text == "Where?"
    told(net, "Tycho!", kind="edit", target=first)
    wait_said("Tycho!")
    for _ in range(2):
        told(net, kind="react", target=asked, emoji="+1")
    wait_for(lambda: Message.objects.get(text="Where?").reactions.count() == 1)
    told(net, kind="unreact", target=asked, emoji="+1")
    told(net, kind="delete", target=first)
    wait_for(lambda: Message.objects.get(pk=row.pk).deleted_at)

    assert Message.objects.get(text="Where?").reactions.count() == 0
    assert [one.kind for one in arrived(net)] == ["post"]


def test_nobody_changes_what_somebody_else_said(ada: Actor, office: Office) -> None:
    net = connect(ada, "loop")
    first = told(net, "mine")
    wait_said("mine")

    told(net, "yours", Sender(id="eve", name="Eve"), kind="edit", target=first)

    wait_state("failed", "message.not_yours")
    assert said("mine")


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
        ("a\x1bb", "a\N{REPLACEMENT CHARACTER}b"),
        ("a\r\nb", "a\nb"),
        ("\ud800x", None),
    ],
)
def test_hostile_text_is_stored_in_its_safe_form(
    ada: Actor, office: Office, raw: str, stored: str | None
) -> None:
    net = connect(ada, "loop")

    told(net, raw)
    told(net, "end")

    wait_said("end")
    row = Incoming.objects.order_by("pk")[0]
    assert row.state == "taken", row.why
    if stored:
        assert said(stored)


def test_a_channel_on_two_networks_is_one_conversation_without_a_ring(
    ada: Actor, office: Office
) -> None:
    one, two, three = (connect(ada, name) for name in ("one", "two", "three"))

    told(one, "hello all")

    for net in (two, three):
        wait_for(lambda net=net: texts(net) == ["hello all"], lambda net=net: texts(net))
    assert texts(one) == []
    assert arrived(two)[0].sender == "Bob-one"


def test_a_ring_of_three_networks_brings_each_message_everywhere_once(
    ada: Actor, office: Office
) -> None:
    nets = [connect(ada, name) for name in ("one", "two", "three")]

    for number in range(90):
        told(nets[number % 3], f"n{number}")

    for place, net in enumerate(nets):
        others = [f"n{number}" for number in range(90) if number % 3 != place]
        wait_for(lambda net=net: len(arrived(net)) == 60, lambda net=net: len(arrived(net)))
        assert sorted(texts(net)) == sorted(others)
    assert Message.objects.filter(text__startswith="n").count() == 90


def test_a_crash_between_storing_and_taking_in_loses_nothing(
    ada: Actor, open_office: Callable[[], Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transports import inbound

    taking = inbound.take_all
    monkeypatch.setattr(inbound, "take_all", lambda _network: 0)
    net = connect(ada, "loop")
    first = open_office()
    told(net, "kept")
    wait_for(lambda: Incoming.objects.filter(state="new").exists())
    first.crash()
    monkeypatch.setattr(inbound, "take_all", taking)

    open_office()

    wait_said("kept")
    assert Message.objects.filter(text="kept").count() == 1


def test_guests_are_members_with_one_row_each(ada: Actor, office: Office) -> None:
    net = connect(ada, "loop")

    for text in ("a", "b", "c"):
        told(net, text)

    wait_said("c")
    assert Member.objects.filter(role="guest", name="Bob-loop").count() == 1
