"""Where the IRC gateway listens, from the settings, and what is wrong with them."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error

OFF = "off"


@dataclass(frozen=True, slots=True)
class Listener:
    """One address that the gateway listens on."""

    host: str
    port: int
    is_tls: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Tell whether only programs of this machine reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def listeners() -> list[Listener]:
    """List them; a setting that says `off` opens nothing. Raises ValueError."""
    wanted = ((settings.IRC_LISTEN, False), (settings.IRC_TLS_LISTEN, True))
    return [_listener(text, is_tls=is_tls) for text, is_tls in wanted if text != OFF]


def _listener(text: str, *, is_tls: bool) -> Listener:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"{text!r} is no host:port")
    return Listener(host.strip("[]"), int(port), is_tls)


def check() -> list[CheckMessage]:
    """Say what is wrong with the settings, before anything listens."""
    try:
        found = listeners()
    except ValueError as error:
        hint = "Write it like 127.0.0.1:6667, or off."
        return [Error(f"An IRC address cannot be used: {error}.", hint=hint, id="transports.E001")]
    return [*_check_plain(found), *_check_certificate(found)]


def _check_plain(found: list[Listener]) -> list[CheckMessage]:
    """Refuse what would carry tokens through a network that others read."""
    hint = "Listen there with PARLEY_IRC_TLS_LISTEN and a certificate."
    return [
        Error(f"IRC without TLS at {place} is open to others.", hint=hint, id="transports.E002")
        for place in found
        if not place.is_tls and not place.is_loopback
    ]


def _check_certificate(found: list[Listener]) -> list[CheckMessage]:
    if not any(place.is_tls for place in found):
        return []
    hint = "Set PARLEY_IRC_CERTIFICATE and PARLEY_IRC_KEY to PEM files that Parley can read."
    return [
        Error(f"{name} names no file: {path or 'it is not set'}.", hint=hint, id="transports.E003")
        for name, path in (
            ("PARLEY_IRC_CERTIFICATE", settings.IRC_CERTIFICATE),
            ("PARLEY_IRC_KEY", settings.IRC_KEY),
        )
        if not path or not Path(path).is_file()
    ]
