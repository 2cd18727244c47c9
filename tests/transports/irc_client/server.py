"""A small IRC server whose misdeeds are switches: it can be as plain as ngIRCd, or modern."""

import asyncio
import base64
import ssl
from dataclasses import replace
from datetime import UTC, datetime

from transports.irc.wire import Buffer, Line, parse

from .guest import HOST, MODERN, PLAIN, RELAY, SASL, Client, piece_of, stamp

__all__ = ["MODERN", "PLAIN", "RELAY", "SASL", "Server", "stamp"]


class Server:
    """The server; its attributes are the switches, `got` is every line that came."""

    def __init__(self, caps: dict[str, str] | None = None) -> None:
        self.caps = dict(PLAIN if caps is None else caps)
        self.knows_cap = True
        self.naks: set[str] = set()  # capabilities that it offers and refuses
        self.password = "right"
        self.taken: set[str] = set()
        self.banned: set[str] = set()  # rooms nobody may enter
        self.mute: set[str] = set()  # rooms nobody may speak in
        self.support: list[str] = ["NICKLEN=30", "CHATHISTORY=50"]
        self.max_clients = 100
        self.cut_at = 0  # the message, counted from 1, after which the connection is cut
        self.keeps_cut = True  # whether the message that was cut was taken
        self.is_silent = False
        self.relay_allowed = True
        self.keeps_tags = True
        self.recvq = 0  # bytes that may wait, while a line is read each 10 ms; 0 is no limit
        self.got: list[Line] = []
        self.history: dict[str, list[Line]] = {}
        self.clients: list[Client] = []
        self.connects = 0
        self.floods = 0
        self._said = 0
        self._server: asyncio.Server | None = None
        self.port = 0
        self.tells_history = True
        self.tls: ssl.SSLContext | None = None

    async def start(self) -> "Server":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for client in list(self.clients):
            client.writer.transport.abort()
        await asyncio.sleep(0)

    def drop(self) -> None:
        """Cut all connections."""
        for client in list(self.clients):
            client.writer.transport.abort()

    def texts(self, room: str = "#project") -> list[str]:
        """Give what was said in a room, in order."""
        return [line.params[-1] for line in self.history.get(room, [])]

    def nicks(self) -> list[str]:
        return sorted(client.nick for client in self.clients)

    def raw(self, data: bytes) -> None:
        """Send every client any bytes."""
        for client in self.clients:
            client.writer.write(data)

    def say(self, text: str, *, nick: str = "ada", command: str = "PRIVMSG", **tags: str) -> Line:
        """Let somebody say something in #project."""
        plain = {key.replace("__", "/"): value for key, value in tags.items()}
        line = Line(command, ("#project", text), f"{nick}!{nick}@home.test", plain)
        return self._spread(self._kept(line))

    def _kept(self, line: Line) -> Line:
        self._said += 1
        tags = {"time": stamp(datetime.now(UTC)), "msgid": f"m{self._said}", **line.tags}
        made = replace(line, tags=tags)
        self.history.setdefault(line.params[0], []).append(made)
        return made

    def _spread(self, line: Line, but: Client | None = None) -> Line:
        for client in self.clients:
            if client is not but and line.params[0] in client.rooms:
                client.put(line)
        return line

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(writer)
        self.connects += 1
        if len(self.clients) >= self.max_clients:
            writer.write(b"ERROR :Too many connections from your IP\r\n")
            writer.close()
            return
        self.clients.append(client)
        buffer, waiting = Buffer(), asyncio.Queue[bytes]()
        reading = asyncio.create_task(self._obey_all(client, waiting))
        try:
            while chunk := await reader.read(4_096):
                for raw in buffer.feed(chunk):
                    waiting.put_nowait(raw or b"")
                owed = sum(len(raw) for raw in waiting._queue)  # type: ignore[attr-defined]
                if self.recvq and owed > self.recvq:
                    self.floods += 1
                    break
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            reading.cancel()
            self.clients.remove(client)
            writer.transport.abort()

    async def _obey_all(self, client: Client, waiting: "asyncio.Queue[bytes]") -> None:
        while True:
            raw = await waiting.get()
            if self.recvq and client.is_in:
                await asyncio.sleep(0.01)
            line = parse(raw)
            if line is None or self.is_silent:
                continue
            self.got.append(line)
            verb = getattr(self, f"_{line.command.lower()}", None)
            if verb is None:
                client.say("421", line.command, "Unknown command", label=line.tags.get("label", ""))
            else:
                verb(client, line)

    # -- coming in --------------------------------------------------------------------------------

    def _cap(self, client: Client, line: Line) -> None:
        if not self.knows_cap:
            client.say("421", "CAP", "Unknown command")
            return
        client.negotiating = line.params[0] != "END"
        if line.params[0] == "LS":
            names = [f"{key}={value}" if value else key for key, value in self.caps.items()]
            client.put(Line("CAP", ("*", "LS", "*", " ".join(names[:1])), HOST))
            client.put(Line("CAP", ("*", "LS", " ".join(names[1:])), HOST))
        elif line.params[0] == "REQ" and self.naks & set(line.params[1].split()):
            client.put(Line("CAP", ("*", "NAK", line.params[1]), HOST))
        elif line.params[0] == "REQ":
            client.caps.update(line.params[1].split())
            client.put(Line("CAP", ("*", "ACK", line.params[1]), HOST))
        self._enter(client)

    def _authenticate(self, client: Client, line: Line) -> None:
        word = line.params[0]
        if word in {"PLAIN", "EXTERNAL"}:
            client.packed = ""
            client.put(Line("AUTHENTICATE", ("+",), HOST))
            return
        client.packed += "" if word == "+" else word
        if len(word) == 400:
            return
        if not client.packed:
            client.account = "external"
            client.say("903", "SASL succeeded")
            return
        *_, login, password = base64.b64decode(client.packed).decode().split("\0")
        if password == self.password:
            client.account = login
            client.say("900", client.mask, login, "You are in")
            client.say("903", "SASL succeeded")
        else:
            client.say("904", "SASL failed")

    def _pass(self, client: Client, line: Line) -> None:
        pass

    def _user(self, client: Client, line: Line) -> None:
        client.has_user = True
        self._enter(client)

    def _nick(self, client: Client, line: Line) -> None:
        wanted = line.params[0]
        if wanted in self.taken or wanted in {one.nick for one in self.clients if one != client}:
            client.say("433", wanted, "Nickname is already in use")
            return
        before, client.nick = client.mask, wanted
        if client.is_in:
            client.put(Line("NICK", (wanted,), before))
        self._enter(client)

    def _enter(self, client: Client) -> None:
        if client.is_in or client.negotiating or not client.nick or not client.has_user:
            return
        client.is_in = True
        client.say("001", "Welcome")
        client.say("005", *self.support, "are supported by this server")
        client.say("422", "No MOTD")

    def _quit(self, client: Client, line: Line) -> None:
        client.writer.close()

    def _ping(self, client: Client, line: Line) -> None:
        client.put(Line("PONG", (HOST, line.params[0]), HOST))

    def _monitor(self, client: Client, line: Line) -> None:
        pass

    def _mode(self, client: Client, line: Line) -> None:
        pass

    def _join(self, client: Client, line: Line) -> None:
        room = line.params[0]
        if room in self.banned:
            client.say("474", room, "Cannot join channel (+b)")
            return
        client.rooms.add(room)
        client.put(Line("JOIN", (room,), client.mask, {"time": stamp(datetime.now(UTC))}))
        client.say("353", "=", room, client.nick)
        client.say("366", room, "End of names")

    def kick(self, nick: str, room: str = "#project") -> None:
        """Throw somebody out of a room."""
        for client in self.clients:
            if client.nick == nick:
                client.put(Line("KICK", (room, nick, "out"), "op!op@home.test"))
                client.rooms.discard(room)

    # -- talking ----------------------------------------------------------------------------------

    def _privmsg(self, client: Client, line: Line) -> None:
        if line.tags.get("batch"):
            client.batch.append(line)
            return
        self._said_by(client, line, client.mask)

    _notice = _tagmsg = _privmsg

    def _relaymsg(self, client: Client, line: Line) -> None:
        label = line.tags.get("label", "")
        if not self.relay_allowed:
            words = ("RELAYMSG", "PRIVS_NEEDED", "You are no operator")
            client.put(Line("FAIL", words, HOST, {"label": label}))
            return
        tags = {**line.tags, "draft/relaymsg": client.nick}
        made = replace(line, command="PRIVMSG", params=(line.params[0], line.params[2]), tags=tags)
        self._said_by(client, made, f"{line.params[1]}!relay@{HOST}")

    def _batch(self, client: Client, line: Line) -> None:
        if line.params[0].startswith("+"):
            client.batch = [line]
            return
        opening, *lines = client.batch
        text = "\n".join(one.params[1] for one in lines)
        made = Line("PRIVMSG", (opening.params[2], "joined"), client.mask, opening.tags)
        kept = self._kept(replace(made, tags={**opening.tags}))
        self.history[opening.params[2]][-1] = replace(kept, params=(opening.params[2], text))
        client.put(
            Line("BATCH", ("+s", "draft/multiline", opening.params[2]), client.mask, kept.tags)
        )
        for one in lines:
            client.put(replace(one, source=client.mask, tags={**one.tags, "batch": "s"}))
        client.put(Line("BATCH", ("-s",), client.mask))

    def _said_by(self, client: Client, line: Line, source: str) -> None:
        room, label = line.params[0], line.tags.get("label", "")
        if room in self.mute:
            client.say("404", room, "Cannot send to channel", label=label)
            return
        tags = {key: value for key, value in line.tags.items() if key != "label"}
        if not self.keeps_tags:
            tags = {key: value for key, value in tags.items() if not key.startswith("+")}
        if client.account:
            tags["account"] = client.account
        is_cut = self.cut_at and self._said + 1 == self.cut_at
        if is_cut and not self.keeps_cut:
            self.cut_at = 0
            client.writer.transport.abort()
            return
        kept = self._kept(replace(line, source=source, tags=tags))
        self._spread(kept, but=client)
        if is_cut:
            self.cut_at = 0
            client.writer.transport.abort()
        elif "echo-message" in client.caps:
            client.put(replace(kept, tags={**kept.tags, **({"label": label} if label else {})}))

    def _chathistory(self, client: Client, line: Line) -> None:
        way, room, *_ = line.params
        if not self.tells_history:
            words = ("CHATHISTORY", "MESSAGE_ERROR", way, room, "Not now")
            client.put(Line("FAIL", words, HOST, {"label": line.tags.get("label", "")}))
            return
        found = piece_of(self.history.get(room, []), line)
        tags = {"label": line.tags.get("label", "")}
        client.put(Line("BATCH", ("+h", "chathistory", room), HOST, tags))
        for row in found:
            own = {**row.tags, "batch": "h"}
            client.put(replace(row, tags=own, params=(room, row.params[1].replace("\n", " "))))
        client.put(Line("BATCH", ("-h",), HOST))
