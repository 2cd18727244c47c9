"""The hub as a Django application: registers its actions and checks its settings at start."""

import re
from importlib import import_module
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

SECRET_CHARS_MIN = 32
TARGET = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
LOOPBACK = ("127.", "localhost:", "[::1]:")


class HubConfig(AppConfig):
    """What a team agrees on: rows, rules, actions, pages."""

    name = "hub"
    verbose_name = "Parley"

    def ready(self) -> None:
        """Import the modules that register actions, and the Celery app that jobs are sent by."""
        import_module("hub.celery")  # else `current_app` is one that knows no broker of ours
        for noun in (
            "board",
            "channels",
            "decisions",
            "dependencies",
            "events",
            "help",
            "house",
            "inbox",
            "members",
            "messages",
            "objectives",
            "projects",
            "tasks",
        ):
            import_module(f"hub.actions.{noun}")


@register
def check_settings(**_: object) -> list[CheckMessage]:
    """Refuse settings that cannot work together, before anything is served."""
    return [*_check_secret(), *_check_address(), *_check_workers()]


def _check_secret() -> list[CheckMessage]:
    try:
        chars = len(settings.SECRET_KEY)
    except ImproperlyConfigured:
        hint = "`manage.py up` makes one in PARLEY_HOME; or set PARLEY_SECRET_KEY."
        return [Error("There is no secret key.", hint=hint, id="hub.E001")]
    if chars < SECRET_CHARS_MIN:
        words = f"The secret key has {chars} characters; {SECRET_CHARS_MIN} are the least."
        return [Error(words, hint="Choose a longer PARLEY_SECRET_KEY.", id="hub.E002")]
    return []


def _check_address() -> list[CheckMessage]:
    url = urlsplit(settings.PARLEY_PUBLIC_URL)
    if url.scheme not in {"http", "https"} or not url.hostname or url.path.strip("/"):
        words = f"PARLEY_PUBLIC_URL is {settings.PARLEY_PUBLIC_URL!r}."
        hint = "Write https://host or http://host:port, without a path."
        return [Error(words, hint=hint, id="hub.E003")]
    found: list[CheckMessage] = []
    if settings.PARLEY_HTTPS and url.scheme != "https":
        words = "PARLEY_HTTPS is on, but PARLEY_PUBLIC_URL begins with http:, so nobody can log in."
        found.append(Error(words, hint="Set both, or neither.", id="hub.E004"))
    if not validate_host(_host(url.hostname), settings.ALLOWED_HOSTS):
        words = f"PARLEY_ALLOWED_HOSTS lacks {url.hostname}, the host of PARLEY_PUBLIC_URL."
        found.append(Error(words, hint="Its pages would all answer 400.", id="hub.E005"))
    if settings.DEBUG and not settings.PARLEY_BIND.startswith(LOOPBACK):
        words = f"PARLEY_DEBUG shows secrets in error pages, and {settings.PARLEY_BIND} is public."
        found.append(Error(words, hint="Switch it off.", id="hub.E006"))
    return found


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _check_workers() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not TARGET.fullmatch(settings.PARLEY_TARGET):
        words = f"PARLEY_TARGET is {settings.PARLEY_TARGET!r}."
        hint = "Use at most 40 small letters, digits and dashes: it names a queue."
        found.append(Error(words, hint=hint, id="hub.E007"))
    if settings.LEASE_S < 2 * settings.SWEEP_S:
        words = "PARLEY_LEASE_S is less than two sweeps (PARLEY_SWEEP_S)."
        hint = "Leases would lapse before anybody looks after them."
        found.append(Error(words, hint=hint, id="hub.E008"))
    return found
