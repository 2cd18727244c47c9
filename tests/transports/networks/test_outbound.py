"""What is said in a bound channel reaches the room: once, in order, whatever the network does."""

from collections.abc import Callable

import pytest

from hub import clock
from hub.actor import Actor
from hub.models import Trouble
from tests.cast import act
from transports import outbound
from transports.base import OutOp, Part, Rejected, Result, Retry, Unknown
from transports.loopback import Loopback, Net
from transports.models import Binding, Delivery, Network, Piece

from .running import Office, arrived, connect, say, states, texts, wait_for


def test_a_hundred_posts_by_five_arrive_once_in_order_under_their_names(
    ada: Actor, grace: Actor, mina: Actor, ivo: Actor, rhea: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    people = [ada, grace, mina, ivo, rhea]

    for number in range(100):
        say(people[number % 5], f"n{number}")

    wait_for(lambda: len(arrived(net)) == 100, lambda: texts(net))
    assert texts(net) == [f"n{number}" for number in range(100)]
    assert [one.sender for one in arrived(net)][:5] == ["ada", "grace", "mina", "ivo", "rhea"]
    wait_for(lambda: set(states()) == {"sent"}, states)


def test_what_was_said_before_the_binding_is_not_sent(ada: Actor, office: Office) -> None:
    say(ada, "before")
    net = connect(ada, "loop")

    say(ada, "after")

    wait_for(lambda: texts(net) == ["after"], lambda: texts(net))


def test_what_is_said_while_the_network_is_down_arrives_after_it(
    ada: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    net.is_down = True
    for number in range(20):
        say(ada, f"n{number}")
    wait_for(lambda: Network.objects.get().state == "waiting")
    assert "dead" not in states()

    net.is_down = False

    wait_for(lambda: len(arrived(net)) == 20, lambda: texts(net))
    assert texts(net) == [f"n{number}" for number in range(20)]


def test_what_is_said_while_nobody_runs_networks_arrives_later(
    ada: Actor, open_office: Callable[[], Office]
) -> None:
    net = connect(ada, "loop")
    for number in range(5):
        say(ada, f"n{number}")

    open_office()

    wait_for(lambda: texts(net) == [f"n{number}" for number in range(5)], lambda: texts(net))


def test_a_network_that_is_busy_is_asked_again_and_keeps_the_order(
    ada: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    refusals = iter([Retry(0.05, "too fast")] * 3)
    net.fault = lambda *_: next(refusals, None)

    for number in range(5):
        say(ada, f"n{number}")

    wait_for(lambda: len(arrived(net)) == 5, lambda: texts(net))
    assert texts(net) == [f"n{number}" for number in range(5)]


def lost_answer(landed: bool) -> Callable[[Net, OutOp, Part], Result | None]:
    """Let the first answer be lost, after the network took it or before."""
    seen: list[OutOp] = []

    def fault(net: Net, op: OutOp, part: Part) -> Result | None:
        if seen:
            return None
        seen.append(op)
        if landed:
            Loopback.put(_account_on(net), op, part)
        return Unknown("the answer was lost")

    return fault


def _account_on(net: Net) -> Loopback:
    made = Loopback.__new__(Loopback)
    made.net = net
    return made


@pytest.mark.parametrize("landed", [True, False])
def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(
    ada: Actor, office: Office, landed: bool
) -> None:
    net = connect(ada, "loop")
    net.fault = lost_answer(landed)

    say(ada, "once")
    say(ada, "next")

    wait_for(lambda: states() == ["sent", "sent"], states)
    assert texts(net) == ["once", "next"]
    assert Piece.objects.filter(remote_id=arrived(net)[0].remote_id).count() == 1


def test_where_nobody_can_tell_it_stays_unconfirmed_until_a_person_resends(
    ada: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    net.can_probe = False
    net.fault = lost_answer(landed=False)
    say(ada, "perhaps")
    say(ada, "next")
    wait_for(lambda: states() == ["unconfirmed", "sent"], states)
    row = Delivery.objects.order_by("seq")[0]

    act(ada, "delivery.resend", delivery=row.pk)

    wait_for(lambda: states() == ["sent", "sent"], states)
    assert texts(net) == ["next", "perhaps"]
    assert arrived(net)[1].op == str(row.op)


def test_what_is_never_taken_is_told_in_the_errors_channel_and_the_lane_goes_on(
    ada: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    net.fault = lambda _net, op, _part: (
        Rejected("too_big", "It is too big.") if op.text == "bad" else None
    )

    say(ada, "bad")
    say(ada, "good")

    wait_for(lambda: states() == ["dead", "sent"], states)
    assert texts(net) == ["good"]
    words = "did not take a message of #project: It is too big. (too_big)"
    assert words in Trouble.objects.get().text
    net.fault = None
    act(ada, "delivery.resend", delivery=Delivery.objects.get(state="dead").pk)
    wait_for(lambda: texts(net) == ["good", "bad"], lambda: texts(net))


def test_eight_attempts_are_the_most(ada: Actor, office: Office) -> None:
    net = connect(ada, "loop")
    tried: list[OutOp] = []

    def fault(_net: Net, op: OutOp, _part: Part) -> Result:
        tried.append(op)
        return Retry(0.01, "busy")

    net.fault = fault
    say(ada, "never")

    wait_for(lambda: states() == ["dead"], states)

    assert len(tried) == outbound.MAX_ATTEMPTS
    assert "tried 8 times: busy" in Delivery.objects.get().error


def test_a_room_that_is_closed_holds_its_lane_and_no_other(ada: Actor, office: Office) -> None:
    net = connect(ada, "loop")
    act(ada, "channel.bind", channel="standup", network="loop", room="hall")
    closed = [True]
    net.fault = lambda _net, op, _part: (
        Rejected("banned", "We are not let in.", "channel")
        if closed[0] and op.room == "moon"
        else None
    )
    say(ada, "wait")
    act(ada, "message.post", channel="standup", text="go")
    wait_for(lambda: texts(net, "hall") == ["go"])
    held = Binding.objects.get(room="moon")
    wait_for(lambda: Binding.objects.get(pk=held.pk).held_why == "We are not let in. (banned)")
    assert texts(net) == []

    closed[0] = False

    wait_for(lambda: texts(net) == ["wait"], lambda: texts(net))


def test_edits_reactions_and_deletions_reach_what_they_are_about(
    ada: Actor, grace: Actor, office: Office
) -> None:
    net = connect(ada, "loop")
    number = say(ada, "Go")
    say(grace, "Where?", reply_to=number)
    wait_for(lambda: len(arrived(net)) == 2, lambda: arrived(net))
    act(ada, "message.edit", message=number, text="Go slowly")
    act(grace, "message.react", message=number, emoji="+1")
    act(grace, "message.react", message=number, emoji="+1")
    wait_for(lambda: len(arrived(net)) == 5, lambda: arrived(net))
    act(ada, "message.delete", message=number)

    wait_for(lambda: len(arrived(net)) == 6, lambda: arrived(net))

    assert [one.kind for one in arrived(net)] == [
        *("post", "post", "edit", "react", "unreact", "delete")
    ]
    assert arrived(net)[2].text == "Go slowly"
    first = arrived(net)[0].remote_id
    assert {Piece.objects.get(remote_id=first).message.seq} == {number}


def test_what_is_sent_late_carries_how_late(ada: Actor, office: Office, monkeypatch) -> None:
    net = connect(ada, "loop")
    seen: list[OutOp] = []
    net.fault = lambda _net, op, _part: seen.append(op)
    monkeypatch.setattr(outbound, "LATE_AFTER_S", -1)

    say(ada, "late")

    wait_for(lambda: texts(net) == ["late"])
    assert seen[0].late_s > 0
    assert (clock.now() - seen[0].said_at).total_seconds() < 60


def test_an_unbound_channel_is_silent(ada: Actor, office: Office) -> None:
    net = connect(ada, "loop")
    say(ada, "one")
    wait_for(lambda: texts(net) == ["one"])

    act(ada, "channel.unbind", channel="project", network="loop")
    say(ada, "two")
    act(ada, "channel.bind", channel="project", network="loop", room="moon")
    say(ada, "three")

    wait_for(lambda: texts(net) == ["one", "three"], lambda: texts(net))
