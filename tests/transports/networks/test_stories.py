"""The main job run by a person from one network alone: typed, answered, approved and read there."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings

from agents import rehearsing
from hub.models import Decision
from tests.agents.stage import Set, build
from tests.transports.irc.conftest import Running, connect, enter, running
from tests.transports.irc.talk import Irc as Talk
from tests.transports.matrix.helping import BOT_TOKEN
from tests.transports.zulip.conftest import WAITS
from tests.transports.zulip.double import Double
from transports.base import KINDS, Sender
from transports.loopback import net
from transports.models import ChatAccount, Network
from transports.zulip.adapter import Zulip

from .running import Office, texts, told, wait_for
from .test_matrix import Homeserver

__all__ = ["connect", "enter", "running"]
STORY_S = 120.0
PERSON = Sender(id="pat@over.there", name="Pat")
WAITS_FOR = (
    re.compile(r"`!ans (\d+) …`"),
    re.compile(r"`!approve (\d+) ([0-9a-f]{10})`"),
)


class Phone:
    """A person with a chat client: `say` types a line, `read` gives all that was shown."""

    def __init__(self, say: Callable[[str], object], read: Callable[[], str]) -> None:
        self.say, self.read = say, read
        self._done: set[str] = set()

    def look(self, _stage: object = None) -> None:
        """Do what the chat says that one has to."""
        shown = self.read()
        for number in WAITS_FOR[0].findall(shown):
            self._once(f"!ans {number} 1")
        for number, version in WAITS_FOR[1].findall(shown):
            self._once(f"!approve {number} {version} Good.")
            self._once(f"!merge {number}")

    def _once(self, line: str) -> None:
        if line not in self._done:
            self._done.add(line)
            self.say(line)


def play(made: Set, phone: Phone) -> None:
    """Type the objective and do what is asked until it is over."""
    phone.say(made.stage.objective)
    deadline = time.monotonic() + STORY_S
    while (problem := rehearsing.over(made.stage)) is None:
        where = (rehearsing.state(made.stage), phone.read()[-3_000:])
        assert time.monotonic() < deadline, where
        if not rehearsing._turn_the_wheels(made.stage):
            phone.look()
            time.sleep(0.1)
    assert problem == ""
    wait_for(lambda: "The tests are green" in phone.read(), phone.read)
    assert not Decision.objects.open().filter(project=made.stage.project).exists()


@pytest.fixture
def made(db: None, tmp_path, settings: Settings) -> Set:
    settings.PARLEY_HOME = tmp_path
    return build(tmp_path)


def link(made: Set, say: Callable[[str], object]) -> None:
    say(f"!link {made.act('account.link')['code']}")
    wait_for(lambda: ChatAccount.objects.filter(is_linked=True).exists())


def test_from_an_irc_client(made: Set, running: Running, enter: Callable[..., Talk]) -> None:
    irc = enter(made.person, "#project", caps=("echo-message",))

    def read() -> str:
        irc.fence()
        return "\n".join(irc.seen)

    play(made, Phone(lambda line: irc.send(f"PRIVMSG #project :{line}"), read))


def test_from_a_network_in_this_process(made: Set, office: Office) -> None:
    made.act("network.add", name="loop", kind="loopback")
    made.act("channel.bind", channel="project", network="loop", room="moon")
    there = net("loop")

    def say(line: str) -> None:
        told(there, line, PERSON)

    link(made, say)
    play(made, Phone(say, lambda: "\n".join(texts(there))))


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    monkeypatch.setitem(KINDS, "zulip", lambda account: Zulip(account, WAITS))
    started = Double().start()
    started.stream("apollo")
    started.heartbeat_s = 0.3  # shorter than what a poll is waited for
    yield started
    started.stop()


def test_from_zulip(made: Set, double: Double, office: Office) -> None:
    bot, pat = double.add_user("Parley", is_bot=True), double.add_user("Pat")
    config = {"site": double.site, "email": bot.email}
    made.act("network.add", name="zulip", kind="zulip", config=config, secret={"key": bot.key})
    made.act("channel.bind", channel="project", network="zulip", room="apollo/moon")
    wait_for(lambda: Network.objects.get().state == "connected")

    def say(line: str) -> None:
        double.say(pat, "apollo/moon", line)

    link(made, say)
    play(made, Phone(say, lambda: "\n".join(one["content"] for one in double.messages.values())))


@pytest.fixture
def server() -> Iterator[Homeserver]:
    started = Homeserver().start()
    yield started
    started.stop()


def test_from_matrix(made: Set, server: Homeserver, office: Office) -> None:
    config = {"homeserver": server.fake.url, "server_name": "localhost", "mode": "bot"}
    config |= {"user": "@robot:localhost"}
    secret = {"access_token": BOT_TOKEN}
    made.act("network.add", name="matrix", kind="matrix", config=config, secret=secret)
    made.act("channel.bind", channel="project", network="matrix", room="!r:localhost")
    wait_for(lambda: Network.objects.get().state == "connected")

    link(made, server.say)
    play(made, Phone(server.say, lambda: "\n".join(server.fake.bodies())))
