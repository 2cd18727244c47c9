"""A message of the log as the lines that one client is to see."""

from datetime import UTC, datetime

from transports.irc.text import cut, shown, to_lines
from transports.irc.wire import MAX_BODY_BYTES, Line

from .client import Client, mask_of
from .office import Said

# A gateway has no pace to keep, so a client without multiline sees more before the link.
MAX_LINES, HEAD_LINES = 40, 30
STAMP_BYTES = len("[00:00] ")  # which a replay puts before a line


def stamp(at: datetime) -> str:
    """Write a moment as server-time does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def target_for(client: Client, said: Said) -> str:
    """Name where a client sees it: a channel, itself, or whom it said it to; else nothing."""
    if not said.between:
        return said.room
    if client.nick not in said.between:
        return ""
    others = [nick for nick in said.between if nick != client.nick]
    return client.nick if said.nick != client.nick else (others or [client.nick])[0]


def lines_of(client: Client, said: Said) -> list[Line]:
    """Write what a client is told; nothing for what it cannot show."""
    target = target_for(client, said)
    tags = {"time": stamp(said.at), "account": said.nick}
    if said.is_bot:
        tags["bot"] = ""
    if not target:
        return []
    match said.what:
        case "posted":
            if said.reply_to:
                tags["+draft/reply"] = str(said.reply_to)
            return _text(client, target, said, {**tags, "msgid": str(said.message)})
        case "edited":
            return _text(client, target, said, {**tags, "msgid": f"{said.message}.e{said.seq}"})
        case "deleted":
            words = f"took back message {said.message}"
            return [Line("NOTICE", (target, words), mask_of(said.nick), tags)]
        case "reacted" | "unreacted" if said.emoji:
            way = said.what.removesuffix("ed")
            tags |= {"+draft/reply": str(said.message), f"+draft/{way}": said.emoji}
            return [Line("TAGMSG", (target,), mask_of(said.nick), tags)]
    return []


def _text(client: Client, target: str, said: Said, tags: dict[str, str]) -> list[Line]:
    source = mask_of(said.nick)
    head = Line("PRIVMSG", (target, ": "), source)
    room = MAX_BODY_BYTES - len(head.encode()) - STAMP_BYTES
    many = {"draft/multiline", "batch"} <= client.caps
    lines = (
        to_lines(said.text)
        if many
        else shown(said.text, said.url, max_lines=MAX_LINES, head_lines=HEAD_LINES)
    )
    if said.what == "edited" and lines:
        lines[0] = f"* corrected: {lines[0]}"
    pieces = [(piece, number > 0) for line in lines for number, piece in enumerate(cut(line, room))]
    pieces = pieces or [("", False)]
    if many and len(pieces) > 1:
        return _batched(client, target, source, pieces, tags)
    made = []
    for number, (piece, _) in enumerate(piece for piece in pieces if piece[0].strip()):
        own = tags if not number else {**tags, "msgid": f"{tags['msgid']}.{number + 1}"}
        made.append(Line("PRIVMSG", (target, piece), source, own))
    return made


def _batched(
    client: Client, target: str, source: str, pieces: list[tuple[str, bool]], tags: dict[str, str]
) -> list[Line]:
    name = client.next_batch()
    made = [Line("BATCH", (f"+{name}", "draft/multiline", target), source, tags)]
    for piece, is_rest in pieces:
        own = {"batch": name, **({"draft/multiline-concat": ""} if is_rest else {})}
        made.append(Line("PRIVMSG", (target, piece), source, own))
    return [*made, Line("BATCH", (f"-{name}",), source)]
