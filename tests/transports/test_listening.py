"""Where the IRC gateway listens: what is refused before anything listens."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from transports import listening
from transports.listening import Listener, listeners


def problems() -> list[str]:
    return [found.id for found in listening.check()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:6667", [Listener("127.0.0.1", 6667, is_tls=False)]),
        ("[::1]:6667", [Listener("::1", 6667, is_tls=False)]),
        ("localhost:0", [Listener("localhost", 0, is_tls=False)]),
        ("off", []),
    ],
)
def test_an_address_or_off(settings: Settings, text: str, found: list[Listener]) -> None:
    settings.IRC_LISTEN = text

    assert (listeners(), problems()) == (found, [])


@pytest.mark.parametrize("text", ["6667", "127.0.0.1:", "127.0.0.1:irc", "127.0.0.1:70000"])
def test_what_is_no_address_is_refused(settings: Settings, text: str) -> None:
    settings.IRC_LISTEN = text

    assert problems() == ["transports.E001"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "chat.example.org", "[::]"])
def test_tokens_never_go_through_a_network_unencrypted(settings: Settings, host: str) -> None:
    settings.IRC_LISTEN = f"{host}:6667"

    assert problems() == ["transports.E002"]


def test_tls_needs_a_certificate_and_its_key(settings: Settings, tmp_path: Path) -> None:
    settings.IRC_TLS_LISTEN = "0.0.0.0:6697"
    assert problems() == ["transports.E003", "transports.E003"]

    for name in ("IRC_CERTIFICATE", "IRC_KEY"):
        path = tmp_path / name
        path.touch()
        setattr(settings, name, str(path))

    assert problems() == []
