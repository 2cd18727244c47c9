"""The gateway: its listeners, its clients, and one reader of the log for each project."""

import asyncio
import logging
import ssl
import threading
import time
from dataclasses import replace
from socket import SO_SNDBUF, SOL_SOCKET

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError
from django.urls import reverse

from hub import fanout
from hub.errors import HubError
from transports.asking import Desk
from transports.irc.wire import BadLineError, Line

from . import entering, history, office, past, people, rooms, talking, telling, verbs
from .client import Client, GoneError, mask_of
from .office import Entry, Said, Turned
from .verbs import obey

MAX_CLIENTS = 2_000
THREADS = 8
PING_AFTER_S, DROP_AFTER_S = 90.0, 150.0
TICK_S = 5.0
SEND_BUFFER_BYTES = 262_144  # of the kernel for each client; it would grow to megabytes

logger = logging.getLogger(__name__)
assert all((entering, history, people, rooms, talking, verbs))  # they fill the table of commands


class Gateway:
    """One server. Its methods belong to one event loop."""

    def __init__(self) -> None:
        self._clients: set[Client] = set()
        self._projects: dict[int, set[Client]] = {}
        self._seqs: dict[int, int] = {}
        self._reading: dict[int, asyncio.Lock] = {}
        self._desk = Desk(THREADS, "irc")
        self.ask = self._desk.ask
        self._servers: list[asyncio.Server] = []
        self._stop = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; gives the port, which for 0 is a free one. Raises OSError when it is taken."""
        server = await asyncio.start_server(self._accept, host, port, ssl=tls, limit=2**16)
        self._servers.append(server)
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._listen, name="irc bell", daemon=True).start()
            self._spawn(self._tick())
        found: int = server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        """Close the doors and say goodbye."""
        self._stop.set()
        for server in self._servers:
            server.close()
        for client in list(self._clients):
            client.close("Parley stops; come back in a moment")
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)
        self._desk.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
        client = Client(self, reader, writer)
        if len(self._clients) >= MAX_CLIENTS:
            client.close("the gateway is full; try again later")
            return
        self._clients.add(client)
        try:
            await client.serve()
        except asyncio.CancelledError:
            client.close("Parley stops")

    async def obey(self, client: Client, line: Line) -> None:
        """Carry out a line; the hub's own trouble is said in words and logged."""
        try:
            await obey(client, line)
        except Error as error:
            logger.warning("IRC %s was not answered: %s", line.command, error)
            client.fail(line.command, "busy", "Parley is busy or its database is away; try again.")
        except (HubError, BadLineError, GoneError, OSError):
            raise
        except Exception:  # one command's fault is not the connection's
            logger.exception("IRC %s failed", line.command)
            client.fail(line.command, "fault", "This is an error of Parley; its log says more.")

    async def join(self, client: Client) -> None:
        """Let a client hear its project from now on."""
        project = client.me.actor.project_id
        if project not in self._seqs:
            self._seqs[project] = await self.ask(office.end_of, project)
            self._reading.setdefault(project, asyncio.Lock())
        self._projects.setdefault(project, set()).add(client)
        await self.ask(office.be, client.token, "here")

    def leave(self, client: Client) -> None:
        """Forget a client; its member is away when no other connection of theirs is left."""
        self._clients.discard(client)
        if client.entry is None:
            return
        project = client.entry.actor.project_id
        others = self._projects.get(project, set())
        if client not in others:
            return
        others.discard(client)
        if not any(other.nick == client.nick for other in others) and not self._stop.is_set():
            self._spawn(self.ask(office.be, client.token, "away"))

    def mask(self, nick: str) -> str:
        """Give nick!user@host of a member."""
        return mask_of(nick)

    def url_of(self, entry: Entry) -> str:
        """Give the address of a project's pages."""
        place = reverse("home", kwargs={"slug": entry.slug})
        return settings.PARLEY_PUBLIC_URL.rstrip("/") + place

    async def marker(self, client: Client, target: str) -> None:
        """Tell how far a client's member has read."""
        at = await self.ask(past.read_upto, client.me.actor, target)
        words = f"timestamp={telling.stamp(at)}" if at else "*"
        client.send(Line("MARKREAD", (target, words), "parley"))

    def has_handed_out(self, project: int, message: int) -> bool:
        """Tell whether a message of a project went to whoever is there."""
        return message <= self._seqs.get(project, 0)

    def typing(self, client: Client, target: str, state: str) -> None:
        """Hand on that somebody types; nothing of it is stored."""
        for other in self._projects.get(client.me.actor.project_id, ()):
            here = target in other.rooms if target[:1] == "#" else other.nick.lower() == target
            if here and other.nick != client.nick and "message-tags" in other.caps:
                other.send(Line("TAGMSG", (target,), client.mask, {"+typing": state[:10]}))

    def tell(self, client: Client, said: Said) -> None:
        """Send a client what concerns it: its own lines only as an echo that it asked for."""
        target = telling.target_for(client, said)
        if not target or (target.startswith("#") and target not in client.rooms):
            return
        lines = telling.lines_of(client, said)
        if said.what == "posted" and said.message in client.own:
            if "echo-message" not in client.caps:
                return
            if label := client.labels.pop(said.message, ""):
                lines[0] = replace(lines[0], tags={**lines[0].tags, "label": label})
        for line in lines:
            if line.command != "TAGMSG" or "message-tags" in client.caps:
                client.send(line)

    # -- the log ----------------------------------------------------------------------------------

    def _listen(self) -> None:
        fanout.listen(self._rang, self._stop)

    def _rang(self, ring: fanout.Ring) -> None:
        loop = self._loop
        if loop and not loop.is_closed() and not ring.topic and ring.project_id in self._seqs:
            loop.call_soon_threadsafe(self._woken, ring.project_id, ring.seq)

    def _woken(self, project: int, seq: int) -> None:
        if seq > self._seqs[project]:
            self._spawn(self._advance(project))

    async def _advance(self, project: int) -> None:
        """Read the log on, once at a time for each project."""
        async with self._reading[project]:
            while not self._stop.is_set():
                found = await self.ask(office.news, project, self._seqs[project])
                for one in found:
                    self._seqs[project] = one.seq
                    self._hand_out(project, one)
                if len(found) < office.MAX_NEWS:
                    return

    def _hand_out(self, project: int, one: Said | Turned) -> None:
        for client in list(self._projects.get(project, ())):
            if isinstance(one, Said):
                client.hear(one)
            else:
                self._turn(client, one)
        if one.what in office.KEYS if isinstance(one, Turned) else False:
            self._spawn(self._check_keys(project))

    def _turn(self, client: Client, one: Turned) -> None:
        if one.what == "member.joined":
            for room in client.rooms:
                client.write(rooms.joined(client, one.nick, room, one.role))
            if one.nick.lower() in client.watched:
                client.write(Line("730", (client.nick, self.mask(one.nick)), "parley"))
        elif one.what == "member.retired" and one.nick != client.nick:
            if client.rooms:
                client.write(Line("QUIT", ("takes no part any more",), self.mask(one.nick)))
            if one.nick.lower() in client.watched:
                client.write(Line("731", (client.nick, one.nick), "parley"))
        elif one.what == "channel.archived" and one.room in client.rooms:
            words = "This channel is closed; what was said stays readable."
            client.write(Line("NOTICE", (one.room, words), "parley"))

    async def _check_keys(self, project: int) -> None:
        """Show out whose token is over."""
        for client in list(self._projects.get(project, ())):
            try:
                await self.ask(office.enter, client.token)
            except HubError as error:
                client.close(error.message)

    async def _tick(self) -> None:
        """Ask the silent whether they are there, and read what a lost ring hid."""
        while True:
            await asyncio.sleep(min(TICK_S, settings.SWEEP_S))
            now = time.monotonic()
            for client in list(self._clients):
                silent = now - client.last_rx
                if silent > DROP_AFTER_S:
                    client.close("no answer")
                elif silent > PING_AFTER_S and not client.pinged and client.entry:
                    client.pinged = True
                    client.write(Line("PING", ("parley",)))
            for project in [key for key, clients in self._projects.items() if clients]:
                try:
                    await self._advance(project)
                except (Error, OSError) as error:
                    logger.warning("the gateway reads the log later: %s", error)

    def _spawn(self, work: "asyncio.Future[None] | object") -> None:
        task = asyncio.ensure_future(_quietly(work))  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _quietly(work: "asyncio.Future[None]") -> None:
    try:
        await work
    except (OperationalError, InterfaceError) as error:
        logger.warning("the gateway tries again later: %s", error)
    except RuntimeError as error:  # the pool is closed: Parley stops
        logger.info("left undone: %s", error)
