"""Coming into the IRC gateway: tokens, what is refused, and what ends a connection."""

import base64
import time
from collections.abc import Callable

import pytest

from hub.actor import Actor
from hub.models import Message, Presence
from tests.cast import act

from .conftest import MODERN, Running, token_of
from .talk import Irc

Enter = Callable[..., Irc]


def packed(token: str) -> str:
    return base64.b64encode(f"\0ada\0{token}".encode()).decode()


def wait_for(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_sasl_plain_lets_in_under_the_members_name(ada: Actor, connect: Callable[[], Irc]) -> None:
    irc = connect()
    for line in ("CAP LS 302", "NICK x", "USER x 0 * :X", "CAP REQ :sasl", "AUTHENTICATE PLAIN"):
        irc.send(line)
    irc.until(r"AUTHENTICATE \+")

    irc.send(f"AUTHENTICATE {packed(token_of(ada))}")
    irc.until(r" 903 ")
    irc.send("CAP END")

    assert irc.until(r" 001 (\S+) ")[1] == "ada"


@pytest.mark.parametrize("way", ["PASS", "SASL"])
def test_a_wrong_token_is_refused_in_words(
    ada: Actor, connect: Callable[[], Irc], way: str
) -> None:
    irc = connect()

    if way == "SASL":
        irc.send("CAP REQ :sasl")
        irc.send("AUTHENTICATE PLAIN")
        irc.until(r"AUTHENTICATE \+")
        irc.send(f"AUTHENTICATE {packed('nonsense')}")
        irc.until(r" 904 ")
    else:
        irc.send("PASS nonsense")
        irc.send("NICK ada")
        irc.send("USER ada 0 * :Ada")
        irc.until(r" 464 .*unknown, revoked or over")

    assert irc.at_end().startswith("ERROR")


def test_without_a_token_it_is_said_what_is_missing(connect: Callable[[], Irc]) -> None:
    irc = connect()

    irc.send("NICK ada")
    irc.send("USER ada 0 * :Ada")

    irc.until(r" 464 .*token of Parley")


def test_nothing_is_done_before_the_login(ada: Actor, connect: Callable[[], Irc]) -> None:
    irc = connect()

    irc.send("PRIVMSG #project :let me in")

    irc.until(r" 451 ")
    assert not Message.objects.filter(text="let me in").exists()


def test_a_revoked_token_ends_the_connection(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project")
    (row,) = act(grace, "token.list")

    act(grace, "token.revoke", token=row["id"])

    assert "revoked" in irc.at_end()


def test_a_token_that_only_reads_says_nothing(grace: Actor, connect: Callable[[], Irc]) -> None:
    irc = connect()
    irc.log_in(token_of(grace, scopes=["read"]))
    irc.send("JOIN #project")
    irc.until(" 366 ")

    irc.send("PRIVMSG #project :me too")

    irc.until(r"NOTICE \S+ :PRIVMSG: ")
    assert not Message.objects.filter(text="me too").exists()


def test_other_projects_are_not_there(eve: Actor, grace: Actor, enter: Enter) -> None:
    act(eve, "channel.create", name="secret")
    irc = enter(grace)

    irc.between("JOIN #secret", r" 403 ")
    assert not [line for line in irc.between("LIST", r" 323 ") if "#secret" in line]


def test_who_connects_is_here_and_who_leaves_is_away(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project")
    assert Presence.objects.get(member_id=grace.member_id).state == "here"

    irc.send("QUIT")
    irc.at_end()

    wait_for(lambda: Presence.objects.get(member_id=grace.member_id).state == "away")


def test_noise_ends_no_gateway(grace: Actor, connect: Callable[[], Irc], enter: Enter) -> None:
    noise = connect()
    noise.send_raw(b"\x00\xff\xfe@ :\r\n" + b"A" * 20_000 + b"\r\n:::\r\n@a=b \r\n")
    noise.close()

    assert enter(grace, "#project").fence() == []


def test_who_sends_a_flood_is_slowed_down_and_loses_nothing(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project")
    began = time.monotonic()

    for number in range(35):
        irc.send(f"PRIVMSG #project :n{number}")
    irc.fence()

    rows = Message.objects.filter(text__startswith="n").order_by("seq")
    assert [row.text for row in rows] == [f"n{number}" for number in range(35)]
    assert time.monotonic() - began > 1.5


def test_who_reads_nothing_is_dropped(
    ada: Actor, grace: Actor, enter: Enter, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transports.irc.gateway.client.MAX_SEND_QUEUE", 1_000)
    enter(grace, "#project", caps=MODERN)
    text = "\n\n".join("word " * 80 for _ in range(80))

    for _ in range(60):
        act(ada, "message.post", channel="project", text=text)

    wait_for(lambda: not running.gateway._clients)
