"""Whether a sending whose answer was lost is there: by our tag in the history, else by its text.

Source: ergo keeps client tags in its history; Parley's own gateway keeps none.
"""

import re
from datetime import timedelta

from transports.base import Landed, Missing, OutOp, Part
from transports.irc.text import from_irc
from transports.irc.wire import Line

from .history import HistoryError, pages, reaches
from .inbound import Own
from .lines import ID_TAG, Voice, id_of, lines_of, name_of
from .session import Session

MARGIN = timedelta(seconds=120)  # by which clocks may differ
_SIGNS = re.compile(r"[\W_]+")


async def probe(
    session: Session, op: OutOp, part: Part, own: Own, *, whole: bool
) -> Landed | Missing:
    """Look for a part in the room's history. Raises NotSentError or LostError."""
    said_at = op.said_at + session.skew
    ours: list[Line] = []
    try:
        async for page in pages(session, op.room, said_at - MARGIN):
            ours += filter(own.says, page)
        is_told = await reaches(session, op.room, said_at)
    except HistoryError:
        return Missing.CANNOT_TELL
    if any(ID_TAG in line.tags for line in ours):
        wanted = id_of(op.id, part.number)
        found = [line for line in ours if line.tags.get(ID_TAG) == wanted]
    else:
        expected = _expected(session, op, part, whole=whole)
        found = [line for line in ours if _plain(line.param(1)) in expected]
        found = [line for line in found if line.tags.get("msgid", "") not in own.claimed]
    if found:
        return Landed(found[0].tags.get("msgid", ""))
    return Missing.ABSENT if is_told else Missing.CANNOT_TELL


def _expected(session: Session, op: OutOp, part: Part, *, whole: bool) -> set[str]:
    """Give what the text may look like there: with the name before it, or without."""
    found = set()
    for voice in (Voice(session), Voice(session, name=name_of(part))):
        lines = lines_of(op.id, part, voice, whole=whole)
        said = [line.param(1) for line in lines if line.command in {"PRIVMSG", "NOTICE"}]
        found.add(_plain("\n".join(said)))
    return found - {""}


def _plain(text: str) -> str:
    """Keep what every rendering keeps: letters and digits."""
    return _SIGNS.sub("", from_irc(text))
