"""What a client says: lines, actions, multiline batches, reactions, typing."""

import re
from dataclasses import replace

from hub.errors import HubError, Invalid
from transports.irc.text import from_irc
from transports.irc.wire import Line

from . import office
from .client import HOST, Client, Gathering
from .verbs import verb

MAX_BATCH_BYTES, MAX_BATCH_LINES = 32_768, 400
ID_TAG = "+parley.chat/id"
_ACTION = re.compile(r"\x01ACTION (.*?)\x01?", re.DOTALL)
_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")


@verb("PRIVMSG", params=2)
async def privmsg(client: Client, line: Line) -> None:
    """Say something in a channel or to a member."""
    gathering = client.gathering
    if gathering and line.tags.get("batch") == gathering.name:
        gathering.lines.append(line)
        gathering.size += len(line.params[1].encode("utf-8", "replace"))
        if gathering.size > MAX_BATCH_BYTES or len(gathering.lines) > MAX_BATCH_LINES:
            client.gathering = None
            limit = f"{MAX_BATCH_BYTES} bytes and {MAX_BATCH_LINES} lines"
            client.fail("BATCH", "multiline.max_bytes", f"A message here has at most {limit}")
        return
    text = line.params[1]
    if action := _ACTION.fullmatch(text):
        text = f"*{from_irc(action[1]).strip()}*"
    elif text.startswith("\x01"):
        return  # a question to another client's program; members have none
    else:
        text = from_irc(text)
    await _post(client, line.params[0], text, line)


@verb("NOTICE", params=2)
async def notice(client: Client, line: Line) -> None:
    """Say something as privmsg does; answers of programs are dropped."""
    if not line.params[1].startswith("\x01"):
        await privmsg(client, replace(line, command="PRIVMSG"))


@verb("BATCH", params=1)
async def batch(client: Client, line: Line) -> None:
    """Open or close one text of several lines."""
    name = line.params[0][1:]
    if line.params[0].startswith("+"):
        if line.param(1) != "draft/multiline" or not line.param(2) or client.gathering:
            client.fail("BATCH", "batch.unknown", "Only one draft/multiline batch at a time")
            return
        client.gathering = Gathering(name, line.param(2), line)
        return
    gathering, client.gathering = client.gathering, None
    if gathering is None or gathering.name != name:
        client.fail("BATCH", "batch.unknown", "There is no such batch")
        return
    text = ""
    for number, one in enumerate(gathering.lines):
        is_joined = "draft/multiline-concat" in one.tags or not number
        text += from_irc(one.params[1]) if is_joined else "\n" + from_irc(one.params[1])
    await _post(client, gathering.target, text, gathering.opening)


async def _post(client: Client, target: str, text: str, line: Line) -> None:
    """Post once for each target; the echo comes from the log, in its place."""
    if not text.strip():
        client.say("412", "No text to send")
        return
    given = line.tags.get(ID_TAG, "")
    key = f"irc:{given}" if _KEY.fullmatch(given) else ""
    answered = number_of(line.tags.get("+draft/reply") or line.tags.get("+reply") or "")
    try:
        number = await client.gateway.ask(
            office.post, client.token, target.lower(), text, reply_to=answered, key=key
        )
    except HubError as error:
        if error.status == NOT_FOUND:
            numeric = "403" if target.startswith("#") else "401"
            client.say(numeric, target, error.message)
            return
        raise
    label = line.tags.get("label", "")
    if client.was_told(number):  # sent again under one id: its echo came before
        if label:
            client.write(Line("ACK", (), HOST, {"label": label}))
        return
    client.own.append(number)
    if label and "echo-message" in client.caps:
        client.labels[number] = label


NOT_FOUND = 404


@verb("TAGMSG", params=1)
async def tagmsg(client: Client, line: Line) -> None:
    """React to a message, or show others that one is typing."""
    message = number_of(line.tags.get("+draft/reply") or line.tags.get("+reply") or "")
    for tag, take_back in (("+draft/react", False), ("+draft/unreact", True)):
        if emoji := line.tags.get(tag):
            if message is None:
                raise Invalid("A reaction names its message by +draft/reply.", code="reply.missing")
            await client.gateway.ask(
                office.react, client.token, message, emoji, take_back=take_back
            )
    if typing := line.tags.get("+typing") or line.tags.get("+draft/typing"):
        client.gateway.typing(client, line.params[0].lower(), typing)


def number_of(msgid: str) -> int | None:
    """Give the message that an id names; parts of a long one share its number."""
    number = msgid.partition(".")[0]
    return int(number) if number.isdecimal() and len(number) <= 18 else None
