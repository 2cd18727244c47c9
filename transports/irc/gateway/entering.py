"""How a client comes in: capabilities, a token by SASL PLAIN or PASS, and the welcome."""

import base64
import binascii

from hub.errors import HubError
from transports.irc.wire import Line

from . import office
from .client import HOST, Client, GoneError
from .history import MAX_HISTORY
from .verbs import verb

CAPS = {
    "account-tag": "",
    "batch": "",
    "cap-notify": "",
    "draft/chathistory": "",
    "draft/multiline": "max-bytes=32768,max-lines=400",
    "draft/read-marker": "",
    "echo-message": "",
    "extended-join": "",
    "labeled-response": "",
    "message-tags": "",
    "multi-prefix": "",
    "sasl": "PLAIN",
    "server-time": "",
    "standard-replies": "",
    "userhost-in-names": "",
}
MAX_SASL_CHARS = 1_200
CHUNK_CHARS = 400  # of AUTHENTICATE; a shorter one is the last. Source: IRCv3 sasl-3.1


@verb("CAP", params=1, early=True)
async def cap(client: Client, line: Line) -> None:
    """Tell what the gateway can, and let the client choose."""
    match line.params[0].upper():
        case "LS":
            client.negotiating = client.entry is None
            is_new = line.param(1).isdecimal() and int(line.param(1)) >= 302
            offered = [f"{n}={v}" if v and is_new else n for n, v in CAPS.items()]
            client.send(Line("CAP", (client.nick, "LS", " ".join(offered)), HOST))
        case "LIST":
            client.send(Line("CAP", (client.nick, "LIST", " ".join(sorted(client.caps))), HOST))
        case "REQ":
            client.negotiating = client.negotiating or client.entry is None
            _choose(client, line.param(1))
        case "END":
            client.negotiating = False
            await _welcome(client)
        case other:
            client.say("410", other, "Invalid CAP command")


def _choose(client: Client, wanted: str) -> None:
    names = wanted.split()
    if any(name.removeprefix("-") not in CAPS for name in names):
        client.send(Line("CAP", (client.nick, "NAK", wanted), HOST))
        return
    for name in names:
        if name.startswith("-"):
            client.caps.discard(name[1:])
        else:
            client.caps.add(name)
    client.send(Line("CAP", (client.nick, "ACK", wanted), HOST))


@verb("PASS", params=1, early=True)
async def password(client: Client, line: Line) -> None:
    """Keep a token until the login; `name:token` is how some clients send it."""
    if client.entry:
        client.say("462", "You are in already")
        return
    client.token = line.params[0].rpartition(":")[2]


@verb("AUTHENTICATE", params=1, early=True)
async def authenticate(client: Client, line: Line) -> None:
    """Take SASL PLAIN: any name, the token as its password."""
    word = line.params[0]
    if client.entry:
        client.say("907", "You are in already")
    elif word == "*":
        client.sasl = ""
        client.say("906", "SASL authentication aborted")
    elif not client.sasl:
        if word.upper() != "PLAIN":
            client.say("908", "PLAIN", "are available SASL mechanisms")
            client.say("904", "SASL authentication failed")
            return
        client.sasl = "+"
        client.send(Line("AUTHENTICATE", ("+",)))
    elif len(client.sasl) + len(word) > MAX_SASL_CHARS or len(word) > CHUNK_CHARS:
        client.sasl = ""
        client.say("905", "SASL message too long")
    else:
        client.sasl += "" if word == "+" else word
        if len(word) < CHUNK_CHARS:
            packed, client.sasl = client.sasl[1:], ""
            await _check(client, packed)


async def _check(client: Client, packed: str) -> None:
    try:
        token = base64.b64decode(packed, validate=True).decode().split("\0")[2]
        entry = await client.gateway.ask(office.enter, token)
    except (binascii.Error, ValueError, IndexError, HubError):
        client.say("904", "SASL authentication failed: this is no valid token of Parley")
        raise GoneError("the token is unknown, revoked or over") from None
    client.token = token
    client.say("900", f"{entry.nick}!*@{HOST}", entry.nick, f"You are {entry.nick}")
    client.say("903", "SASL authentication successful")


@verb("USER", params=1, early=True)
async def user(client: Client, line: Line) -> None:
    """Take the user's name, which means nothing here, and go on."""
    if client.entry:
        client.say("462", "You are in already")
        return
    client.user = line.params[0]
    await _welcome(client)


@verb("NICK", early=True)
async def nick(client: Client, line: Line) -> None:
    """Take a nick before the login, which gives the member's name instead."""
    if client.entry:
        if line.param(0) != client.nick:
            client.say("447", f"Your nick is your name in Parley: {client.nick}")
        return
    if not line.param(0):
        client.say("431", "No nickname given")
        return
    if client.nick == "*":
        client.nick = "".join(c for c in line.params[0] if c.isascii() and c.isalnum())[:32] or "*"
    await _welcome(client)


async def _welcome(client: Client) -> None:
    """Let the client in once it has said all that is needed."""
    if client.entry or client.negotiating or client.nick == "*" or not client.user:
        return
    entry = await _entry(client)
    client.nick, client.entry = entry.nick, entry
    await client.gateway.join(client)
    say = client.say
    say("001", f"Welcome to {entry.project} on Parley, {client.mask}")
    say("002", f"Your host is {HOST}, running Parley")
    say("003", "Everything here is also at " + client.gateway.url_of(entry))
    client.say("004", HOST, "parley", "i", "nt", "b")
    say("005", *_support(entry), "are supported by this server")
    await motd(client, Line("MOTD"))


async def _entry(client: Client) -> office.Entry:
    words = "send a token of Parley as the password (PASS or SASL PLAIN)"
    if client.token:
        try:
            return await client.gateway.ask(office.enter, client.token)
        except HubError as error:
            words = error.message
    client.say("464", words)
    raise GoneError(words)


def _support(entry: office.Entry) -> list[str]:
    return [
        "CASEMAPPING=ascii",
        "CHANTYPES=#",
        "CHANMODES=b,,,nt",
        "PREFIX=(ov)@+",
        "NICKLEN=32",
        "CHANNELLEN=65",
        "TOPICLEN=300",
        f"NETWORK=Parley/{entry.slug}",
        "MONITOR=100",
        f"CHATHISTORY={MAX_HISTORY}",
        "MSGREFTYPES=msgid,timestamp",
        "UTF8ONLY",
    ]


@verb("MOTD")
async def motd(client: Client, _: Line) -> None:
    """Say what there is to join."""
    rooms = await client.gateway.ask(office.rooms, client.me.actor)
    client.say("375", f"- {client.me.project} -")
    for words in (
        "Say what you want in #project; !help lists what you may type.",
        "Channels: " + " ".join(room.name for room in rooms[:12]),
    ):
        client.say("372", f"- {words}"[:400])
    client.say("376", "End of /MOTD")
