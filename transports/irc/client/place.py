"""Where an account of IRC connects to, how it comes in, and how patient it is."""

import ipaddress
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from transports.base import Account

MECHANISMS = {"", "PLAIN", "EXTERNAL"}
IDENTITIES = {"prefix", "relay", "connections"}
DEFAULT_NICK = "parley"
RATE_PER_S, BURST = 2, 5  # what ergo bears; others are slower, and are waited for
_NICK = re.compile(r"[A-Za-z_\[\]\\`^{}|][A-Za-z0-9_\[\]\\`^{}|-]{0,29}")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
YES, NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})
_BREAKS = re.compile(r"[\x00\r\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long each thing may take, in seconds. Source: spec 1.3, measured on three servers."""

    enter_s: float = 30.0
    join_s: float = 30.0
    answer_s: float = 30.0
    ping_after_s: float = 30.0
    drop_after_s: float = 60.0
    regain_s: float = 30.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 300.0
    steady_s: float = 60.0  # a connection that lived so long was a good one
    rejoin_s: float = 30.0
    split_s: float = 60.0
    full_s: float = 600.0  # how long no more connections are tried after one was turned away


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The configuration of an account, checked.

    Its keys are the names here but for the secrets; only `host` is needed. `ca_file` is whose
    certificates are trusted instead of the system's, `cert_file` holds a key and its certificate
    for EXTERNAL, `login` is the account for PLAIN where it is not the nick. `identities` is
    prefix, relay or connections: how agents are told apart. `rate_per_s` is in lines.
    """

    host: str
    port: int
    tls: bool
    ca_file: str
    cert_file: str
    nick: str
    sasl: str
    login: str
    identities: str
    max_connections: int
    rate_per_s: float
    burst: int
    password: str = field(repr=False)
    server_password: str = field(repr=False)

    @classmethod
    def of(cls, account: Account) -> "Place":
        """Read an account. Raises ValueError with words for who configures it."""
        config, secrets = account.config, account.secrets
        tls = _flag(config, "tls", default=True)
        nick = _words(config, "nick", DEFAULT_NICK)
        made = cls(
            host=_words(config, "host"),
            port=_number(config, "port", 6697 if tls else 6667, 65_535),
            tls=tls,
            ca_file=_words(config, "ca_file"),
            cert_file=_words(config, "cert_file"),
            nick=nick,
            sasl=_words(config, "sasl").upper(),
            login=_words(config, "login", nick),
            identities=_words(config, "identities", "prefix"),
            max_connections=_number(config, "max_connections", 8, 100, least=0),
            rate_per_s=float(_number(config, "rate_per_s", RATE_PER_S, 1_000)),
            burst=_number(config, "burst", BURST, 1_000),
            password=_unbroken("password", secrets.get("password", "")),
            server_password=_unbroken("server_password", secrets.get("server_password", "")),
        )
        made._check()
        return made

    def _check(self) -> None:
        if not _HOST.fullmatch(self.host):
            raise ValueError("host names no server")
        if not _NICK.fullmatch(self.nick):
            raise ValueError("nick is no nick of IRC")
        if self.sasl not in MECHANISMS:
            raise ValueError("sasl is PLAIN, EXTERNAL or empty")
        if self.identities not in IDENTITIES:
            raise ValueError("identities is prefix, relay or connections")
        if self.sasl == "PLAIN" and not self.password:
            raise ValueError("SASL PLAIN needs a password")
        if self.sasl == "EXTERNAL" and not (self.tls and self.cert_file):
            raise ValueError("SASL EXTERNAL needs tls and a cert_file")
        if not self.tls and (self.password or self.server_password) and not _is_near(self.host):
            raise ValueError("a password goes to another machine only with tls")

    def trust(self) -> ssl.SSLContext | None:
        """Make what verifies the server, None without TLS. Raises OSError for unreadable files."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=self.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert_file:
            context.load_cert_chain(Path(self.cert_file))
        return context


def _is_near(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _words(config: Mapping[str, object], key: str, default: str = "") -> str:
    found = config.get(key, default)
    if not isinstance(found, str) or _BREAKS.search(found):
        raise ValueError(f"{key} is one line of text")
    return found.strip() or default


def _flag(config: Mapping[str, object], key: str, *, default: bool) -> bool:
    found = str(config.get(key, default)).strip().lower()
    if found not in YES | NO:
        raise ValueError(f"{key} is yes or no")
    return found in YES


def _number(
    config: Mapping[str, object], key: str, default: int, most: int, *, least: int = 1
) -> int:
    found = str(config.get(key, default)).strip()
    if not found.isdecimal() or len(found) > 9 or not least <= int(found) <= most:
        raise ValueError(f"{key} is a number from {least} to {most}")
    return int(found)


def _unbroken(key: str, secret: str) -> str:
    if _BREAKS.search(secret):
        raise ValueError(f"{key} is one line of text")
    return secret
