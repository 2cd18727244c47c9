"""A Synapse of its own for a test: a program of another project, on loopback, in a folder."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

from tests.conftest import require_program
from transports.base import Account
from transports.matrix.registration import registration_yaml

SECRET = "registers-users"
START_S = 60.0


def program() -> str:
    """Find Synapse by PARLEY_SYNAPSE or on the path; skip the test without it."""
    return require_program(os.environ.get("PARLEY_SYNAPSE") or "synapse_homeserver")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Synapse:
    """A homeserver that can be stopped, killed and started again on the same database."""

    def __init__(self, home: Path, *, limits: dict[str, float] | None = None) -> None:
        self.program = program()
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._limits = limits
        self._running: subprocess.Popen[bytes] | None = None
        self._log = home / "synapse.log"

    def write(self, account: Account, push_url: str) -> None:
        """Write its configuration, which knows our application service."""
        (self.home / "appservice.yaml").write_text(registration_yaml(account, push_url))
        fast = {"per_second": 10_000, "burst_count": 10_000}
        config: dict[str, Any] = {
            "server_name": "localhost",
            "pid_file": str(self.home / "pid"),
            "signing_key_path": str(self.home / "signing.key"),
            "media_store_path": str(self.home / "media"),
            "database": {"name": "sqlite3", "args": {"database": str(self.home / "db")}},
            "listeners": [
                {
                    "port": self.port,
                    "bind_addresses": ["127.0.0.1"],
                    "type": "http",
                    "tls": False,
                    "resources": [{"names": ["client"]}],
                }
            ],
            "federation_domain_whitelist": [],
            "trusted_key_servers": [],
            "presence": {"enabled": False},
            "url_preview_enabled": False,
            "report_stats": False,
            "bcrypt_rounds": 4,
            "registration_shared_secret": SECRET,
            "app_service_config_files": [str(self.home / "appservice.yaml")],
            "rc_message": self._limits or fast,
            "rc_registration": fast,
            "rc_joins": {"local": fast, "remote": fast},
            "rc_invites": {"per_room": fast, "per_user": fast, "per_issuer": fast},
            "rc_login": {"address": fast, "account": fast, "failed_attempts": fast},
            "rc_room_creation": fast,
        }
        path = self.home / "homeserver.yaml"
        path.write_text(json.dumps(config))
        words = [self.program, "--config-path", str(path), "--generate-keys"]
        subprocess.run(words, check=True, capture_output=True, cwd=self.home, timeout=START_S)

    async def start(self) -> None:
        """Start it, and wait until it is healthy."""
        self._running = self._launch()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_S
        async with aiohttp.ClientSession() as session:
            while True:
                assert self._running.poll() is None, self._log.read_text()[-3_000:]
                assert loop.time() < deadline, "Synapse does not become healthy"
                try:
                    async with session.get(f"{self.url}/health") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)

    def _launch(self) -> subprocess.Popen[bytes]:
        words = [self.program, "--config-path", str(self.home / "homeserver.yaml")]
        with self._log.open("ab") as log:
            return subprocess.Popen(words, stdout=log, stderr=log, cwd=self.home)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it; by default without a warning."""
        if self._running:
            self._running.send_signal(how)
            self._running.wait(START_S)
            self._running = None

    async def person(self, name: str) -> "Person":
        """Register a user who is no puppet."""
        path = "/_synapse/admin/v1/register"
        guest = Person(self.url, "")
        nonce = (await guest.ask("GET", path))["nonce"]
        words = "\0".join([nonce, name, "moon", "notadmin"]).encode()
        mac = hmac.new(SECRET.encode(), words, hashlib.sha1).hexdigest()
        wanted = {"nonce": nonce, "username": name, "password": "moon", "mac": mac}
        made = await guest.ask("POST", path, wanted | {"admin": False})
        return Person(self.url, made["access_token"])


class Person:
    """A user with a client of their own."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    async def ask(self, method: str, path: str, content: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, self.url + path, json=content) as response,
        ):
            body = await response.json()
            assert response.status == 200, body
            return body

    async def room(self, *invited: str) -> str:
        """Make a private room."""
        wanted = {"preset": "private_chat", "invite": list(invited)}
        return str((await self.ask("POST", "/_matrix/client/v3/createRoom", wanted))["room_id"])

    async def in_room(self, method: str, room: str, rest: str, content: Any = None) -> Any:
        return await self.ask(method, f"/_matrix/client/v3/rooms/{room}/{rest}", content)

    async def messages(self, room: str) -> list[dict[str, Any]]:
        """Read what was said in a room, oldest first."""
        page = await self.in_room("GET", room, "messages?dir=b&limit=500")
        return [one for one in page["chunk"][::-1] if one["type"] == "m.room.message"]

    async def say(self, room: str, txn: str, text: str) -> str:
        content = {"msgtype": "m.text", "body": text}
        path = f"send/m.room.message/{txn}"
        return str((await self.in_room("PUT", room, path, content))["event_id"])
