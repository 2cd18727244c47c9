"""InspIRCd and ngIRCd on loopback, a peer that watches, and a cable that can be cut.

Source: the documentation of both; the settings were tried with InspIRCd 3.15 and ngIRCd 26.1.
"""

import asyncio
import re
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.conftest import require_program

PATIENCE_S = 20.0
INSPIRCD = """\
<server name="irc.test" description="t" network="T" id="1AA">
<admin name="x" nick="x" email="x@localhost">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="main" allow="*" timeout="10" pingfreq="120" localmax="{most}" globalmax="{most}"
 fakelag="on" threshold="10" commandrate="1000" recvq="8192" resolvehostnames="no" useident="no">
<options defaultmodes="not">
<path configdir="{home}" datadir="{home}" logdir="{home}" runtimedir="{home}"
 moduledir="/usr/lib/inspircd/modules">
<pid file="{home}/pid">
{modules}
"""
MODULES = """cap ircv3 ircv3_accounttag ircv3_batch ircv3_capnotify ircv3_ctctags ircv3_echomessage
 ircv3_labeledresponse ircv3_msgid ircv3_servertime chanhistory services_account namesx monitor"""
NGIRCD = """\
[Global]
Name = irc.test
Info = t
AdminInfo1 = t
AdminEMail = x@localhost
Listen = 127.0.0.1
Ports = {port}
ServerUID = irc
ServerGID = irc
[Limits]
MaxConnectionsIP = {most}
MaxNickLength = 30
[Options]
DNS = no
Ident = no
PAM = no
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Program:
    """One of the two servers as a process of its own."""

    def __init__(self, name: str, home: Path, most: int = 50) -> None:
        self.name, self.port = name, free_port()
        program = require_program(name)
        home.chmod(0o755)
        values = {"port": self.port, "home": home, "most": most}
        if name == "inspircd":
            modules = "\n".join(f'<module name="{module}">' for module in MODULES.split())
            text = INSPIRCD.format(modules=modules, **values)
            flags = ["--config", str(home / "conf"), "--nofork", "--runasroot"]
        else:
            text = NGIRCD.format(**values)
            flags = ["-n", "-f", str(home / "conf")]
        (home / "conf").write_text(text)
        with (home / "out").open("wb") as out:
            self._process = subprocess.Popen([program, *flags], stdout=out, stderr=out)
        self._out = home / "out"

    async def opened(self) -> "Program":
        """Wait until it listens."""
        for _ in range(200):
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return self
            assert self._process.poll() is None, self._out.read_text(errors="replace")
            await asyncio.sleep(0.1)
        raise AssertionError(f"{self.name} does not listen")

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.resume()
        self._process.kill()
        self._process.wait(PATIENCE_S)


class Peer:
    """Somebody else's client: it sees what everybody sees."""

    def __init__(self, port: int, nick: str) -> None:
        self.port, self.nick = port, nick
        self.seen: list[str] = []

    async def come(self, room: str = "#project") -> "Peer":
        reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._reading = asyncio.create_task(self._read(reader))
        self.send(f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}")
        await self.until(r" 001 ")
        self.send(f"JOIN {room}")
        await self.until(rf" 366 \S+ {room}")
        return self

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while raw := await reader.readline():
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line.startswith("PING"):
                    self.send("PONG" + line[4:])
                self.seen.append(line)

    def send(self, *lines: str) -> None:
        self.raw("".join(f"{line}\r\n" for line in lines).encode())

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    async def until(self, pattern: str, patience_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(patience_s):
            while not any(re.search(pattern, line) for line in self.seen):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def heard(self) -> list[str]:
        """Give what others said in rooms."""
        found = (re.match(r"(?:@\S+ )?:\S+ PRIVMSG \S+ :?(.*)", line) for line in self.seen)
        return [one[1] for one in found if one]

    async def go(self) -> None:
        self.writer.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


class Cable:
    """Stands between a client and a server; it can keep answers back, and be cut."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.keeps_answers = False
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def laid(self) -> "Cable":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, to]
        for source, target, is_answer in ((reader, to, False), (there, writer, True)):
            task = asyncio.create_task(self._carry(source, target, is_answer))
            self._tasks.add(task)

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, is_answer: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await source.read(4_096):
                if not (is_answer and self.keeps_answers):
                    target.write(chunk)
        target.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        self.keeps_answers = False

    async def away(self) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
