"""A channel in a channel of another IRC server, through lanes and back.

The server is the gateway of another project: one Parley beside another.
"""

from collections.abc import Callable

import pytest

from hub.actor import Actor
from hub.models import Message
from tests.cast import act, invite
from tests.transports.irc.conftest import Running, connect, enter, running, token_of
from tests.transports.irc.talk import Irc as Talk
from tests.transports.irc_client.conftest import QUICK
from transports.base import KINDS
from transports.irc.client.adapter import Irc
from transports.models import ChatAccount, Network

from .running import Office, say, states, wait_for

__all__ = ["connect", "enter", "running"]
Enter = Callable[..., Talk]


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch, ada: Actor, eve: Actor, running: Running) -> None:
    """Bind moon's project channel to mars's by eve's account there."""
    monkeypatch.setitem(KINDS, "irc", lambda account: Irc(account, QUICK))
    config = {"host": "127.0.0.1", "port": str(running.port), "tls": "no", "nick": "eve"}
    config |= {"burst": "8", "rate_per_s": "4"}
    secret = {"server_password": token_of(eve)}
    act(ada, "network.add", name="mars", kind="irc", config=config, secret=secret)
    act(ada, "channel.bind", channel="project", network="mars", room="#project")


def over_there(eve: Actor) -> list[str]:
    rows = Message.objects.filter(project_id=eve.project_id, channel__name="project")
    return list(rows.order_by("seq").values_list("text", flat=True))


@pytest.mark.usefixtures("bound")
def test_what_is_said_arrives_once_in_order_over_there(
    ada: Actor, grace: Actor, eve: Actor, office: Office
) -> None:
    wait_for(lambda: Network.objects.get().state == "connected", lambda: Network.objects.values())

    for number in range(10):
        say(ada if number % 2 else grace, f"n{number}")

    wait_for(lambda: len(over_there(eve)) == 10, lambda: (over_there(eve), states()))
    names = ["grace", "ada"] * 5
    said = [(name, number) for number, name in enumerate(names)]
    assert over_there(eve) == [f"<{name}> n{number}" for name, number in said]
    wait_for(lambda: set(states()) == {"sent"}, states)


@pytest.mark.usefixtures("bound")
def test_what_is_said_over_there_comes_in_and_does_not_go_back(
    ada: Actor, eve: Actor, office: Office
) -> None:
    wait_for(lambda: Network.objects.get().state == "connected", lambda: Network.objects.values())
    zoe = invite(eve, "zoe", "person")

    act(zoe, "message.post", channel="project", text="greetings from mars")

    rows = Message.objects.filter(project_id=ada.project_id, text="greetings from mars")
    wait_for(rows.exists, lambda: Network.objects.values())
    row = rows.select_related("author").get()
    assert row.author.name == "zoe-mars"
    assert ChatAccount.objects.get().external_id == "zoe"
    say(ada, "answer")
    wait_for(lambda: "<ada> answer" in over_there(eve))
    assert over_there(eve).count("greetings from mars") == 1


@pytest.mark.usefixtures("bound")
def test_a_crash_of_our_process_in_a_burst_loses_and_doubles_nothing(
    ada: Actor, eve: Actor, open_office: Callable[[], Office]
) -> None:
    act(eve, "message.post", channel="project", text="before")  # proves that history is whole
    first = open_office()
    wait_for(lambda: Network.objects.get().state == "connected", lambda: Network.objects.values())
    for number in range(25):  # no faster than the server takes them: what waits there is unknown
        say(ada, f"n{number}")
    wait_for(lambda: len(over_there(eve)) >= 5, lambda: over_there(eve))

    first.crash()
    open_office()

    wait_for(lambda: len(over_there(eve)) >= 26, lambda: (over_there(eve), states()))
    assert over_there(eve) == ["before", *(f"<ada> n{number}" for number in range(25))]
