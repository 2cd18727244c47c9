"""Real IRC clients over TLS: WeeChat without a screen, and irssi in a terminal."""

import re
import shlex
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from hub.actor import Actor
from hub.models import Decision, Message
from tests.cast import act
from tests.conftest import require_program

from .conftest import Running, token_of

pytestmark = pytest.mark.live
PATIENCE_S = 20
LIFE_S = 12  # of one WeeChat; its commands come by its own clock


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a certificate for localhost that a client can be told to trust."""
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    words += " -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    words += f" -keyout {tmp_path}/key.pem -out {tmp_path}/cert.pem"
    program = require_program("openssl")
    subprocess.run([program, *words.split()], check=True, capture_output=True)
    return tmp_path / "cert.pem"


@pytest.fixture
def port(db: None, settings: Settings, certificate: Path) -> Iterator[int]:
    settings.SWEEP_S = 0.5
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.with_name("key.pem"))
    running = Running(tls).start()
    yield running.port
    running.stop()


def wait_for(fact: Callable[[], object], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)


class WeeChat:
    """A WeeChat that joins #project, types some lines and leaves; its logs are what it saw."""

    def __init__(self, home: Path, port: int, certificate: Path, token: str) -> None:
        self._home = home
        self._begin = [
            "/set logger.file.auto_log on",
            f"/set weechat.network.gnutls_ca_user {certificate}",  # WeeChat 4 and 3
            f"/server add parley localhost/{port}",
            "/set irc.server.parley.tls on",
            "/set irc.server.parley.ssl on",
            "/set irc.server.parley.nicks somebody",
            f"/set irc.server.parley.password {token}",
            "/set irc.server.parley.autojoin #project",
            "/set irc.server.parley.capabilities *",
            "/connect parley",
        ]

    def say(self, *lines: str) -> str:
        """Type lines into #project, a second apart; gives what it showed of the channel."""
        typed = [
            f"/wait {number + 5}s /command -buffer irc.parley.#project * /say {line}"
            for number, line in enumerate(lines)
        ]
        script = ";".join([*self._begin, *typed, f"/wait {LIFE_S - 2}s /quit"])
        program = require_program("weechat-headless")
        ended = subprocess.run(
            [program, "--dir", str(self._home), "--stdout", "--run-command", script],
            timeout=LIFE_S * 3,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        logs = self._home / "logs"
        found = list(logs.glob("irc.parley.#project.*")) if logs.is_dir() else []
        assert found, ended.stdout.decode(errors="replace")[-2_000:]
        return found[0].read_text()


def test_weechat_talks_answers_a_question_and_reads_what_it_missed(
    ada: Actor, grace: Actor, mina: Actor, port: int, certificate: Path, tmp_path: Path
) -> None:
    number = act(mina, "decision.ask", text="Where?", choices=["Sea", "Tycho"])["number"]
    weechat = WeeChat(tmp_path / "weechat", port, certificate, token_of(grace))

    shown = weechat.say("hello from WeeChat", f"!ans {number} 2")

    assert Message.objects.get(text="hello from WeeChat").author_id == grace.member_id
    assert Decision.objects.get(number=number).answer == "Tycho"
    assert "hello from WeeChat" in shown
    act(ada, "message.post", channel="project", text="You missed **this**.")

    shown = weechat.say()

    assert re.search(r"ada\tYou missed this\.", shown)


class Irssi:
    """An irssi in a tmux of its own, typed into as a person does."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._tmux = [require_program("tmux"), "-S", str(folder / "tmux")]
        command = shlex.join([require_program("irssi"), f"--home={home}"])
        self._run("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", command)
        wait_for(lambda: "[(status)]" in self.screen(), self.screen)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True)
        return done.stdout

    def type(self, line: str) -> None:
        self._run("send-keys", "-l", line)
        self._run("send-keys", "Enter")

    def screen(self) -> str:
        return self._run("capture-pane", "-p", "-S", "-200")

    def sees(self, pattern: str) -> None:
        wait_for(lambda: re.search(pattern, self.screen()), lambda: f"{pattern} in {self.screen()}")

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def irssi(tmp_path: Path) -> Iterator[Irssi]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # a socket's path may have 107 bytes
        made = Irssi(tmp_path / "irssi", Path(folder))
        yield made
        made.close()


def test_irssi_joins_talks_and_answers(
    ada: Actor, grace: Actor, mina: Actor, port: int, certificate: Path, irssi: Irssi
) -> None:
    number = act(mina, "decision.ask", text="Where?", choices=["Sea", "Tycho"])["number"]
    secret = token_of(grace)

    irssi.type(f"/connect -tls -tls_cafile {certificate} -tls_verify localhost {port} {secret}")
    irssi.sees(r"Welcome to Moon|Channels: #project")
    irssi.type("/join #project")
    irssi.sees(r"\[\+mina")
    irssi.type("hello from irssi")
    wait_for(lambda: Message.objects.filter(text="hello from irssi").exists(), irssi.screen)
    act(ada, "message.post", channel="project", text="Hello **grace**")
    irssi.sees(r"ada> Hello grace")
    irssi.type(f"!ans {number} 1")
    wait_for(lambda: Decision.objects.get(number=number).answer == "Sea", irssi.screen)
    irssi.type("/msg mina between us")
    wait_for(lambda: Message.objects.filter(text="between us").exists(), irssi.screen)

    assert Message.objects.get(text="between us").channel.kind == "direct"
