"""What `manage.py up` tells the person at the terminal: the address, a way in, what to try."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings

from hub.models import Project, User
from hub.web.accounts import enter_path

from .house import address_of

READY_TIMEOUT_S = 30.0
ASK_EVERY_S = 0.25
ANSWER_TIMEOUT_S = 5.0
DEMO = "demo"  # the address of the project that `seed` makes
DEMO_WORDS = """\
Try this:       write this in the project channel of Demo, and watch a scripted team
                (it costs nothing) plan, ask, build, review and merge:
                Please get the tests green again, and then add the --json option
                that the README wishes for.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """Where the house is entered. `address` is what we listen on, `url` what people type.

    `has_demo` tells that there is a demo project whose agents follow a script.
    """

    address: tuple[str, int]
    host_header: str
    url: str
    link: str
    environment: Mapping[str, str]
    started: float
    has_demo: bool

    @property
    def words(self) -> str:
        """Say where to go and what to do there."""
        return (
            f"Parley is at    {self.url}/\n"
            f"Log in, once:   {self.link}\n"
            f"{DEMO_WORDS if self.has_demo else ''}"
            f"{_irc()}"
            "Ctrl-C stops everything."
        )


def _irc() -> str:
    """Say how to join with an IRC client, where one can."""
    if settings.IRC_LISTEN == "off":
        return ""
    host, _, port = settings.IRC_LISTEN.rpartition(":")
    return (
        f"IRC client:     /connect {host} {port} TOKEN, then /join #project; make the TOKEN\n"
        "                on the page Chat clients of a project\n"
    )


def hall(door: socket.socket, started: float) -> Hall:
    """Describe the way in: a link that logs the first administrator in once.

    `started` is the monotonic second at which the command began.
    """
    bind = address_of(door)
    url = settings.PARLEY_PUBLIC_URL.rstrip("/")
    if url == f"http://{settings.PARLEY_BIND}":
        url = f"http://{bind}"  # port 0 has become a real one
    admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    host = settings.ALLOWED_HOSTS[0] if settings.ALLOWED_HOSTS else "localhost"
    return Hall(
        address=(_reachable(door), door.getsockname()[1]),
        host_header="localhost" if host == "*" else host.lstrip("."),
        url=url,
        link=url + enter_path(admin) if admin else "there is no administrator any more",
        environment={"PARLEY_BIND": bind, "PARLEY_PUBLIC_URL": url},
        started=started,
        has_demo=_has_demo(),
    )


def _has_demo() -> bool:
    rows = Project.objects.filter(slug=DEMO, archived_at=None)
    return rows.filter(provider="rehearsal").exists()


def announce(place: Hall, say: Callable[[str], None]) -> None:
    """Say the words once everything is ready; after 30 s, say what is still down."""
    threading.Thread(target=_announce, args=(place, say), daemon=True).start()


def _announce(place: Hall, say: Callable[[str], None]) -> None:
    warn_at = place.started + READY_TIMEOUT_S
    while missing := ask(place):
        if time.monotonic() > warn_at:
            say(f"still waiting after {READY_TIMEOUT_S:g} s for {missing}")
            warn_at = float("inf")
        time.sleep(ASK_EVERY_S)
    say(f"ready after {time.monotonic() - place.started:.1f} s\n{place.words}")


def ask(place: Hall) -> str:
    """Ask /readyz what is down; empty when nothing is."""
    connection = http.client.HTTPConnection(*place.address, timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz", headers={"Host": place.host_header})
        parts = json.loads(connection.getresponse().read())["parts"]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return "web does not answer"
    finally:
        connection.close()
    return ", ".join(f"{name} ({part['note']})" for name, part in parts.items() if not part["ok"])


def _reachable(door: socket.socket) -> str:
    host: str = door.getsockname()[0]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared only
