"""One owner for each network: a crash and a second process lose nothing and double nothing."""

from collections.abc import Callable

import pytest

from hub.actor import Actor
from transports import loopback, outbound
from transports.models import Binding, Delivery, Network

from .running import Office, arrived, connect, say, states, texts, wait_for


def test_a_crash_in_the_middle_of_a_burst_loses_and_doubles_nothing(
    ada: Actor, open_office: Callable[[], Office]
) -> None:
    net = connect(ada, "loop")
    first = open_office()
    for number in range(60):
        say(ada, f"n{number}")
    wait_for(lambda: len(arrived(net)) >= 10)

    first.crash()
    before = len(arrived(net))
    open_office()

    wait_for(lambda: len(arrived(net)) >= 60, lambda: texts(net))
    assert before < 60
    assert texts(net) == [f"n{number}" for number in range(60)]
    wait_for(lambda: set(states()) == {"sent"}, states)


def test_two_processes_have_one_owner_and_the_second_takes_over(
    ada: Actor, open_office: Callable[[], Office]
) -> None:
    net = connect(ada, "loop")
    first, second = open_office(), open_office()
    say(ada, "one")
    wait_for(lambda: texts(net) == ["one"])
    owners = [bool(office.networks and office.networks.owned) for office in (first, second)]
    assert sorted(owners) == [False, True]
    epoch = Network.objects.get().epoch

    (first if owners[0] else second).crash()
    say(ada, "two")

    wait_for(lambda: texts(net) == ["one", "two"], lambda: texts(net))
    assert Network.objects.get().epoch == epoch + 1


def test_an_old_owner_writes_nothing(ada: Actor, db: None) -> None:
    connect(ada, "loop")
    say(ada, "hello")
    binding = Binding.objects.get()

    with pytest.raises(outbound.LostError):
        outbound.read_on(binding.pk, epoch=7)

    assert not Delivery.objects.exists()
    assert loopback.net("loop").said == []
