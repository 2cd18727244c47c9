"""Channels: join, part, who is in them, their topics and modes."""

from hub.errors import HubError
from transports.irc.wire import Line

from . import history, office
from .client import HOST, Client
from .verbs import verb

MAX_ROOMS = 200
NAMES_BYTES = 380


@verb("JOIN", params=1)
async def join(client: Client, line: Line) -> None:
    """Come into channels; `0` leaves all."""
    if line.params[0] == "0":
        await part(client, Line("PART", (",".join(client.rooms),)))
        return
    for name in filter(None, line.params[0].split(",")):
        if name.lower() in client.rooms:
            continue
        if len(client.rooms) >= MAX_ROOMS:
            client.say("405", name, "You are in too many channels")
            continue
        try:
            room = await client.gateway.ask(office.room, client.me.actor, name.lower())
        except HubError as error:
            client.say("403", _shown(name), error.message)
            continue
        client.rooms[room.name] = room.name
        client.send(joined(client, client.nick, room.name))
        await _show(client, room)
        if "draft/chathistory" not in client.caps:
            await history.replay(client, room.name)


def joined(client: Client, nick: str, room: str, role: str = "member") -> Line:
    """Write that somebody came into a channel."""
    if "extended-join" in client.caps:
        return Line("JOIN", (room, nick, role), client.gateway.mask(nick))
    return Line("JOIN", (room,), client.gateway.mask(nick))


async def _show(client: Client, room: office.Room) -> None:
    if room.topic:
        _say_topic(client, room)
    else:
        client.say("331", room.name, "No topic is set")
    await _names(client, room.name)
    if "draft/read-marker" in client.caps:
        await client.gateway.marker(client, room.name)


def _say_topic(client: Client, room: office.Room) -> None:
    client.say("332", room.name, " ".join(room.topic.split()))
    client.say("333", room.name, HOST, str(int(room.made_at.timestamp())))


async def _names(client: Client, room: str) -> None:
    people = await client.gateway.ask(office.people, client.me.actor)
    with_host = "userhost-in-names" in client.caps
    words = [p.prefix + (client.gateway.mask(p.nick) if with_host else p.nick) for p in people]
    row: list[str] = []
    for word in words:
        if row and len(" ".join([*row, word])) > NAMES_BYTES:
            client.say("353", "=", room, " ".join(row))
            row = []
        row.append(word)
    client.say("353", "=", room, " ".join(row))
    client.say("366", room, "End of /NAMES list")


@verb("PART", params=1)
async def part(client: Client, line: Line) -> None:
    """Leave channels: their lines come no more."""
    for name in filter(None, line.params[0].lower().split(",")):
        if client.rooms.pop(name, None) is None:
            client.say("442", _shown(name), "You are not in that channel")
        else:
            client.send(Line("PART", (name,), client.mask))


@verb("NAMES")
async def names(client: Client, line: Line) -> None:
    """List who reads a channel: the project's members."""
    for name in filter(None, line.param(0).lower().split(",")):
        if name in client.rooms:
            await _names(client, name)
        else:
            client.say("366", _shown(name), "End of /NAMES list")


@verb("TOPIC", params=1)
async def topic(client: Client, line: Line) -> None:
    """Tell a channel's topic."""
    room = await client.gateway.ask(office.room, client.me.actor, line.params[0].lower())
    if len(line.params) > 1:
        client.say("482", room.name, "Topics are set when a channel is made")
    elif room.topic:
        _say_topic(client, room)
    else:
        client.say("331", room.name, "No topic is set")


@verb("LIST")
async def listing(client: Client, line: Line) -> None:
    """List the channels there are."""
    wanted = {name for name in line.param(0).lower().split(",") if name.startswith("#")}
    rooms = await client.gateway.ask(office.rooms, client.me.actor)
    people = await client.gateway.ask(office.people, client.me.actor)
    client.say("321", "Channel", "Users  Name")
    for room in rooms:
        if not wanted or room.name in wanted:
            client.say("322", room.name, str(len(people)), " ".join(room.topic.split()))
    client.say("323", "End of /LIST")


@verb("MODE", params=1)
async def mode(client: Client, line: Line) -> None:
    """Tell modes; rights are roles of the project and are changed there."""
    target = line.params[0].lower()
    if not target.startswith("#"):
        if target == client.nick.lower():
            client.say("221", "+i")
        else:
            client.say("502", "You cannot see the modes of others")
        return
    room = await client.gateway.ask(office.room, client.me.actor, target)
    asked = line.param(1).lstrip("+-")
    if not asked:
        client.say("324", room.name, "+nt")
        client.say("329", room.name, str(int(room.made_at.timestamp())))
    elif asked == "b":
        client.say("368", room.name, "End of channel ban list")
    else:
        client.say("482", room.name, "Rights are roles of the project; change them in Parley")


@verb("KICK", "INVITE", params=2)
async def elsewhere(client: Client, line: Line) -> None:
    """Say where members are invited and retired."""
    where = line.params[0] if line.params[0].startswith("#") else line.params[1]
    client.say("482", _shown(where), "Members are invited and retired on the team page of Parley")


def _shown(name: str) -> str:
    """Give a name that may stand before another parameter."""
    return name if name and not name.startswith(":") else "*"
