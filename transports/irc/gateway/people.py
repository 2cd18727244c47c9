"""Members: who they are, whether they are here, and small questions that clients ask."""

from datetime import UTC, datetime

from transports.irc.wire import Line

from . import office
from .client import HOST, Client, GoneError
from .verbs import verb

MAX_WATCHED = 100


@verb("WHO")
async def who(client: Client, line: Line) -> None:
    """List the members of a channel, or one member."""
    target = line.param(0) or "*"
    people = await client.gateway.ask(office.people, client.me.actor)
    for person in people:
        if target.startswith(("#", "*")) or person.nick.lower() == target.lower():
            flags = ("G" if person.away else "H") + person.prefix
            where = target if target.startswith("#") else "*"
            client.say(
                *("352", where, person.nick.lower(), HOST, HOST, person.nick, flags),
                f"0 {person.role}",
            )
    client.say("315", target, "End of /WHO list")


@verb("WHOIS", params=1)
async def whois(client: Client, line: Line) -> None:
    """Tell who a member is."""
    nick = line.params[-1]
    people = await client.gateway.ask(office.people, client.me.actor)
    found = next((person for person in people if person.nick.lower() == nick.lower()), None)
    if found is None:
        client.say("401", nick or "*", "Nobody here has this name")
    else:
        client.say("311", found.nick, found.nick.lower(), HOST, "*", found.role)
        client.say("312", found.nick, HOST, f"Parley, {client.me.project}")
        client.say("330", found.nick, found.nick, "is known to Parley as")
        if found.is_bot:
            client.say("335", found.nick, "is an agent")
        if found.is_operator:
            client.say("313", found.nick, "may manage this project")
        if found.away:
            client.say("301", found.nick, found.away)
    client.say("318", nick or "*", "End of /WHOIS list")


@verb("AWAY")
async def away(client: Client, line: Line) -> None:
    """Show the team that one is away, or is back."""
    note = line.param(0)
    await client.gateway.ask(office.be, client.token, "away" if note else "here", note[:200])
    client.say(*(("306", "You are shown as away") if note else ("305", "You are shown as here")))


@verb("ISON", params=1)
async def ison(client: Client, line: Line) -> None:
    """Tell which of some names take part."""
    here = {p.nick.lower(): p.nick for p in await _people(client)}
    asked = " ".join(line.params).lower().split()[:MAX_WATCHED]
    client.say("303", " ".join(here[name] for name in asked if name in here))


@verb("USERHOST", params=1)
async def userhost(client: Client, line: Line) -> None:
    """Tell the masks of some names."""
    here = {p.nick.lower(): p for p in await _people(client)}
    found = [here[name.lower()] for name in line.params[:5] if name.lower() in here]
    shown = [f"{p.nick}={'-' if p.away else '+'}{p.nick.lower()}@{HOST}" for p in found]
    client.say("302", " ".join(shown))


@verb("MONITOR", params=1)
async def monitor(client: Client, line: Line) -> None:
    """Watch names: told when their members come and leave."""
    names = [name for name in line.param(1).split(",") if name]
    match line.params[0].upper():
        case "+":
            await _watch(client, names)
        case "-":
            for name in names:
                client.watched.pop(name.lower(), None)
        case "C":
            client.watched.clear()
        case "L":
            if client.watched:
                client.say("732", ",".join(client.watched.values()))
            client.say("733", "End of MONITOR list")
        case "S":
            await _watched(client, list(client.watched.values()))


async def _watch(client: Client, names: list[str]) -> None:
    new = {name.lower(): name for name in names if name.lower() not in client.watched}
    if len(client.watched) + len(new) > MAX_WATCHED:
        client.say("734", str(MAX_WATCHED), ",".join(names), "Monitor list is full.")
        return
    client.watched |= new
    await _watched(client, names)


async def _watched(client: Client, names: list[str]) -> None:
    here = {p.nick.lower(): p.nick for p in await _people(client)}
    for name in names:
        if name.lower() in here:
            client.say("730", client.gateway.mask(here[name.lower()]))
        else:
            client.say("731", name)


async def _people(client: Client) -> list[office.Person]:
    return await client.gateway.ask(office.people, client.me.actor)


@verb("PING", params=1, early=True)
async def ping(client: Client, line: Line) -> None:
    """Answer that the connection lives."""
    client.send(Line("PONG", (HOST, line.params[0]), HOST))


@verb("PONG", early=True)
async def pong(_client: Client, _line: Line) -> None:
    """Take an answer to our own question; that bytes came is enough."""


@verb("QUIT", early=True)
async def leave(_client: Client, _line: Line) -> None:
    """End the connection."""
    raise GoneError("goodbye")


@verb("TIME")
async def time(client: Client, _: Line) -> None:
    """Tell the time."""
    client.say("391", HOST, datetime.now(UTC).isoformat(timespec="seconds"))


@verb("VERSION")
async def version(client: Client, _: Line) -> None:
    """Tell what this is."""
    client.say("351", "parley", HOST, "an office for people and agents; IRC is one of its doors")


@verb("LUSERS")
async def lusers(client: Client, _: Line) -> None:
    """Count the members."""
    client.say("251", f"There are {len(await _people(client))} members in {client.me.project}")
