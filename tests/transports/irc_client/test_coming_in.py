"""Coming in and staying: SASL, nicks, TLS, silence, and coming back."""

import asyncio
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from transports.base import Rejected, Sent
from transports.irc.client.pace import Patience
from transports.irc.client.place import Place

from .conftest import QUICK, Start, account_of, op, until
from .server import MODERN, SASL, Server

PASSWORD = {"password": "right"}


@pytest_asyncio.fixture
async def guarded() -> AsyncIterator[Server]:
    made = await Server(MODERN | SASL).start()
    yield made
    await made.stop()


async def test_it_comes_in_by_sasl(guarded: Server, start: Start):
    running = await start(guarded, sasl="PLAIN", secrets=PASSWORD)

    assert running.kept.states == [("connecting", ""), ("connected", "")]
    assert guarded.clients[0].account == "parley"


@pytest.mark.parametrize("length", [10, 286, 290, 1_500])
async def test_a_long_password_is_sent_in_pieces(guarded: Server, start: Start, length: int):
    guarded.password = "p" * length  # 286 and its login make exactly 400 characters

    await start(guarded, sasl="PLAIN", secrets={"password": guarded.password})

    assert guarded.clients[0].account == "parley"
    assert all(len(line.param(0)) <= 400 for line in guarded.got if line.command == "AUTHENTICATE")


@pytest.mark.parametrize("kind", ["wrong", "not offered", "no CAP"])
async def test_who_is_refused_never_speaks(guarded: Server, start: Start, kind: str):
    guarded.password = "another" if kind == "wrong" else "right"
    guarded.knows_cap = kind != "no CAP"
    if kind == "not offered":
        del guarded.caps["sasl"]

    running = await start(guarded, sasl="PLAIN", secrets=PASSWORD)

    state, why = running.kept.states[-1]
    assert state == "refused"
    assert "right" not in why
    (result,) = await running.say(op())
    assert isinstance(result, Rejected)
    assert result.scope == "account"
    await asyncio.sleep(0.3)  # a reconnection would come within this
    assert guarded.connects == 1
    assert not {"JOIN", "PRIVMSG"} & {line.command for line in guarded.got}
    assert not guarded.clients


async def test_no_secret_reaches_a_log(
    guarded: Server, start: Start, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    secrets = {"password": "right", "server_password": "gatekeeper"}

    running = await start(guarded, sasl="PLAIN", secrets=secrets)
    await running.say(op())

    assert "gatekeeper" in [line.param(0) for line in guarded.got if line.command == "PASS"]
    assert "gatekeeper" not in caplog.text
    assert "AUTHENTICATE" not in caplog.text


async def test_a_capability_that_is_refused_costs_only_itself(guarded: Server, start: Start):
    guarded.naks.add("draft/multiline")

    await start(guarded, sasl="PLAIN", secrets=PASSWORD)

    assert guarded.clients[0].caps == (MODERN.keys() | {"sasl"}) - {"draft/multiline"}


async def test_a_nick_in_use_is_replaced_and_regained(server: Server, start: Start):
    server.taken.add("parley")

    running = await start(server)
    assert server.nicks() == ["parley_1"]
    assert running.kept.states[-1][1] == "as parley_1: parley is taken, and asked for again"
    server.taken.clear()
    await until(lambda: server.nicks() == ["parley"])

    await until(lambda: running.kept.states[-1] == ("connected", ""))
    assert await running.say(op()) == [Sent("")]


async def test_a_nick_taken_while_it_was_away_is_regained_too(server: Server, start: Start):
    running = await start(server)
    server.taken.add("parley")
    server.drop()
    await until(lambda: server.nicks() == ["parley_1"])

    server.taken.clear()

    await until(lambda: server.nicks() == ["parley"])
    await until(lambda: running.kept.states[-1] == ("connected", ""))


async def test_a_monitored_nick_is_taken_at_once(server: Server, start: Start):
    server.taken.add("parley")
    server.support.append("MONITOR=100")
    await start(server, timing=replace(QUICK, regain_s=30.0))
    await until(lambda: any(line.command == "MONITOR" for line in server.got))
    server.taken.clear()

    server.raw(b":fake.test 731 parley_1 :parley\r\n")

    await until(lambda: server.nicks() == ["parley"], 2)


async def test_a_silent_server_is_left(server: Server, start: Start):
    timing = replace(QUICK, ping_after_s=0.2, drop_after_s=0.5)
    running = await start(server, timing=timing)
    server.is_silent = True

    await until(lambda: ("waiting", "the server fell silent") in running.kept.states)
    server.is_silent = False
    await until(lambda: running.kept.states[-1][0] == "connected")

    assert await running.say(op()) == [Sent("")]


async def test_a_quiet_server_that_answers_is_kept(server: Server, start: Start):
    running = await start(server, timing=replace(QUICK, ping_after_s=0.1, drop_after_s=0.3))

    await asyncio.sleep(0.8)

    assert server.connects == 1
    assert running.kept.states[-1][0] == "connected"


async def test_it_comes_back_again_and_again(server: Server, start: Start):
    running = await start(server)

    for count in range(2, 5):
        server.drop()
        await until(lambda count=count: server.connects == count and server.nicks() == ["parley"])
        await until(lambda: running.kept.states[-1][0] == "connected")

    assert await running.say(op()) == [Sent("")]


async def test_it_goes_in_again_after_a_kick(server: Server, start: Start):
    running = await start(server)

    server.kick("parley")

    await until(lambda: server.clients[0].rooms == {"#project"})
    assert await running.say(op()) == [Sent("")]


async def test_a_room_bound_later_is_joined(server: Server, start: Start):
    running = await start(server)

    await running.irc.join("#Later")
    await running.irc.join("#later")

    assert server.clients[0].rooms == {"#project", "#Later"}


def test_the_wait_grows_and_differs():
    patience = Patience(1.0, 300.0)

    waits = [patience.next_s() for _ in range(40)]

    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits[:8]))
    assert all(150 <= wait <= 300 for wait in waits[10:])
    assert len(set(waits)) == 40


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"host": "a b"}, "host names no server"),
        ({"max_connections": -1}, "max_connections is a number from 0 to 100"),
        ({"nick": "9 lives"}, "nick is no nick of IRC"),
        ({"sasl": "GSSAPI"}, "sasl is PLAIN, EXTERNAL or empty"),
        ({"sasl": "PLAIN"}, "SASL PLAIN needs a password"),
        ({"sasl": "EXTERNAL"}, "SASL EXTERNAL needs tls and a cert_file"),
        ({"identities": "many"}, "identities is prefix, relay or connections"),
        ({"tls": "perhaps"}, "tls is yes or no"),
    ],
)
async def test_a_wrong_configuration_is_refused_in_words(
    server: Server, start: Start, config: dict[str, object], words: str
):
    running = await start(server, **config)

    assert running.kept.states == [("refused", words)]
    assert server.connects == 0


def test_a_password_leaves_the_machine_only_by_tls():
    far = account_of(6667, secrets={"password": "x"}, host="irc.example.org")

    with pytest.raises(ValueError, match="only with tls"):
        Place.of(far)
    assert "x" not in repr(Place.of(replace(far, config={**far.config, "tls": True})).password[1:])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a key and a certificate of localhost, in one file."""
    place = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext"
    names = ["subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(place / "key.pem"), "-out", str(place / "cert.pem")]
    subprocess.run(["openssl", *words.split(), *names, *files], check=True, capture_output=True)
    both = place / "both.pem"
    both.write_text((place / "cert.pem").read_text() + (place / "key.pem").read_text())
    return both


@pytest_asyncio.fixture
async def secure(certificate: Path) -> AsyncIterator[Server]:
    made = Server(MODERN | SASL)
    made.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.tls.load_cert_chain(certificate)
    yield await made.start()
    await made.stop()


async def test_tls_is_verified_by_an_own_authority(secure: Server, start: Start, certificate: Path):
    ca_file = str(certificate)
    running = await start(secure, tls=True, ca_file=ca_file, sasl="PLAIN", secrets=PASSWORD)

    assert await running.say(op()) == [Sent("m1")]


async def test_external_shows_a_certificate(secure: Server, start: Start, certificate: Path):
    config = {"tls": True, "ca_file": str(certificate), "cert_file": str(certificate)}
    await start(secure, sasl="EXTERNAL", **config)

    assert secure.clients[0].account == "external"
    sent = [line.param(0) for line in secure.got if line.command == "AUTHENTICATE"]
    assert sent == ["EXTERNAL", "+"]


async def test_an_unknown_certificate_is_not_trusted(secure: Server, start: Start):
    running = await start(secure, tls=True, is_ready=False)

    await until(lambda: "waiting" in {state for state, _ in running.kept.states})

    assert "certificate verify failed" in running.kept.states[1][1]
    assert not secure.got
