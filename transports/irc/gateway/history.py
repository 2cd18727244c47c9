"""CHATHISTORY and MARKREAD: what was said before, and how far it was read.

Source: IRCv3 draft/chathistory and draft/read-marker.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub.errors import HubError, Invalid
from transports.irc.wire import Line

from . import past, telling
from .client import HOST, Client
from .office import Said
from .past import Bound
from .talking import number_of
from .verbs import verb

MAX_HISTORY = 200
REPLAYED, REPLAYED_FOR = 25, timedelta(days=1)


@verb("CHATHISTORY", params=2)
async def chathistory(client: Client, line: Line) -> None:
    """Give a piece of what was said, as a batch."""
    way, target = line.params[0].upper(), line.params[1]
    try:
        limit = _limit(line.params[-1])
        if way == "TARGETS":
            await _targets(client, _bound(line.param(1)), _bound(line.param(2)), limit)
            return
        ends = [_bound(text) for text in line.params[2:-1]]
        said = await _read(client, way, target.lower(), ends, limit)
    except HubError as error:
        code = "INVALID_TARGET" if error.status == 404 else "INVALID_PARAMS"
        client.send(Line("FAIL", ("CHATHISTORY", code, way, _word(target), error.message), HOST))
        return
    lines = [made for one in said for made in telling.lines_of(client, one)]
    client.batch("chathistory", (target,), lines, {})


async def replay(client: Client, room: str) -> None:
    """Show who cannot ask for history the last of it, with the time it was said."""
    since = Bound(at=datetime.now(UTC) - REPLAYED_FOR)
    me = client.me.actor
    said = await client.gateway.ask(past.history, me, room, since, Bound(), REPLAYED, newest=True)
    for one in said:
        for line in telling.lines_of(client, one):
            client.send(line if "server-time" in client.caps else _stamped(line, one.at))


def _stamped(line: Line, at: datetime) -> Line:
    return replace(line, params=(line.params[0], f"[{at:%H:%M}] {line.params[1]}"))


async def _read(client: Client, way: str, target: str, ends: list[Bound], limit: int) -> list[Said]:
    first = ends[0] if ends else Bound()
    ask, me = client.gateway.ask, client.me.actor
    match way:
        case "LATEST":
            return await ask(past.history, me, target, first, Bound(), limit, newest=True)
        case "BEFORE":
            return await ask(past.history, me, target, Bound(), first, limit, newest=True)
        case "AFTER":
            return await ask(past.history, me, target, first, Bound(), limit, newest=False)
        case "AROUND":
            half = max(1, limit // 2)
            before = await ask(past.history, me, target, Bound(), first, half, newest=True)
            last = Bound(seq=before[-1].seq) if before else Bound(seq=0)
            rest = limit - len(before)
            return before + await ask(past.history, me, target, last, Bound(), rest, newest=False)
        case "BETWEEN" if len(ends) > 1:
            low, high, newest = _ordered(first, ends[1])
            return await ask(past.history, me, target, low, high, limit, newest=newest)
    raise Invalid(f"CHATHISTORY has no {way} like this.", code="history.unknown")


def _ordered(first: Bound, second: Bound) -> tuple[Bound, Bound, bool]:
    """Put two ends in order; the first one given is where reading begins."""
    both_seq = first.seq is not None and second.seq is not None and first.seq > second.seq
    both_at = first.at is not None and second.at is not None and first.at > second.at
    return (second, first, True) if both_seq or both_at else (first, second, False)


async def _targets(client: Client, first: Bound, second: Bound, limit: int) -> None:
    low, high, _ = _ordered(first, second)
    found = await client.gateway.ask(past.targets, client.me.actor, low, high, limit)
    lines = [Line("CHATHISTORY", ("TARGETS", name, telling.stamp(at)), HOST) for name, at in found]
    client.batch("draft/chathistory-targets", (), lines, {})


def _limit(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise Invalid("The limit is a number.", code="history.limit")
    return max(1, min(int(text), MAX_HISTORY))


def _bound(text: str) -> Bound:
    if text == "*":
        return Bound()
    kind, _, value = text.partition("=")
    number = number_of(value)
    if kind == "msgid" and number is not None:
        return Bound(seq=number)
    if kind == "timestamp":
        return Bound(at=_moment(value))
    raise Invalid(f"{text} is neither msgid=… nor timestamp=….", code="history.bound")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text} is no timestamp.", code="history.bound") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@verb("MARKREAD", params=1)
async def markread(client: Client, line: Line) -> None:
    """Tell how far a conversation was read, or move that on."""
    target = line.params[0].lower()
    if len(line.params) == 1:
        await client.gateway.marker(client, target)
        return
    bound = _bound(line.params[1])
    if bound.at is None:
        raise Invalid("MARKREAD takes timestamp=….", code="history.bound")
    await client.gateway.ask(past.mark_read, client.me.actor, target, bound.at)
    await client.gateway.marker(client, target)


def _word(text: str) -> str:
    return text if text and not text.startswith(":") else "*"
