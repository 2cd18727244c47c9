"""What the server's answer to a sending means."""

from transports.base import Rejected, Result, Retry, Scope, Sent
from transports.irc.wire import Line

from .answers import ERRORS, Answer
from .batches import Batch

ROOM_ERRORS = {"401", "403", "404", "405", "407", "437", "442", "477", "482", "489", "531"}
LATER = {"263": 5.0, "439": 10.0}
LATER_WORDS = ("RATE", "BUSY", "THROTTL", "TRY_AGAIN", "TEMPORAR", "FLOOD")
ACCOUNT_WORDS = ("ACCOUNT_REQUIRED", "NEED_REGISTRATION", "BANNED")
SAID = {"PRIVMSG", "NOTICE", "TAGMSG"}
LATER_S = 5.0


def verdict(answer: Answer) -> Result:
    """Read an answer: a refusal in it counts first, then our own words; nothing is agreement."""
    lines = [line for item in answer for line in _lines(item)]
    for line in lines:
        if line.command in ERRORS:
            return refusal(line)
    echoes = [line for line in lines if line.command in SAID]
    return Sent(echoes[0].tags.get("msgid", "") if echoes else "")


def _lines(item: Line | Batch) -> list[Line]:
    return list(item.lines()) if isinstance(item, Batch) else [item]


def refusal(line: Line) -> Result:
    """Read an error numeric or a FAIL: whether it passes, and what it is about."""
    words = line.params[-1][:200] if line.params else ""
    if line.command != "FAIL":
        if line.command in LATER:
            return Retry(LATER[line.command], words)
        scope: Scope = "channel" if line.command in ROOM_ERRORS else "op"
        return Rejected(line.command, words, scope)
    code = line.param(1).upper()
    if any(word in code for word in LATER_WORDS):
        return Retry(LATER_S, words)
    is_account = any(word in code for word in ACCOUNT_WORDS)
    return Rejected(code or "FAIL", words, "account" if is_account else "op")
