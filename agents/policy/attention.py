"""When a sleeping session is woken: pure decisions about one piece of news."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hub.policy.inbox import ADDRESSED, MY_PROJECT, MY_TASK, QUIET, News, Reader, rank
from hub.protocol import parse

NEVER = QUIET | {"message.deleted"}
TASK_EVENTS = frozenset({"task.dropped", "task.unblocked"})  # whoever works on it has to know
RECENT_S = 120
LATELY_S = 600
ACK_CHARS = 200  # whoever only says that one has read is brief; a longer text is not looked through
_ACK = re.compile(
    r"(?:@[\w-]+[:,]?\s*)*(?:\b(?:ack(?:nowledged)?|ok(?:ay)?|thanks?(?: you)?|thx|got it|noted"
    r"|roger|understood|will do|sounds good|great|perfect|you're welcome)\b"
    r"|[\U0001F44D\U0001F44C\u2705\U0001F64F]|[\s.,!;-])+",
    re.IGNORECASE,
)


class Band(StrEnum):
    """How soon a session reads what does not wake it by itself."""

    HOT = "hot"
    WARM = "warm"
    COOL = "cool"
    IDLE = "idle"
    PARKED = "parked"


BAND_S: Mapping[Band, int] = {Band.HOT: 30, Band.WARM: 120, Band.COOL: 300, Band.IDLE: 600}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeper:
    """A session that might be woken: its role, whose inbox it reads, and its band."""

    role: str
    reader: Reader
    project_channel: int
    band: Band = Band.IDLE


def band(*, is_parked: bool, has_work: bool, quiet_s: float) -> Band:
    """Choose a session's band: from what it has outstanding and how long it did nothing."""
    if is_parked:
        return Band.PARKED
    if has_work:
        return _of_work(quiet_s)
    return Band.COOL if quiet_s < LATELY_S else Band.IDLE


def _of_work(quiet_s: float) -> Band:
    if quiet_s < RECENT_S:
        return Band.HOT
    return Band.WARM if quiet_s < LATELY_S else Band.COOL


def wakes(sleeper: Sleeper, news: News, *, by_person: bool) -> bool:
    """Tell whether a session has to read this now; everything else waits.

    Woken by what is addressed to it, by an event of its task that changes what it has to do, by a
    person who speaks where it works, and, for the engineering manager, by whatever a person says
    in the project channel. An agent's "ok" and a reaction wake nobody.
    """
    if news.actor_id == sleeper.reader.member_id or news.name in NEVER:
        return False
    nearness = rank(sleeper.reader, news)
    if nearness == ADDRESSED:
        return by_person or news.name != "message.posted" or not is_ack(news.text)
    if nearness == MY_TASK and news.name in TASK_EVENTS:
        return True
    if not (by_person and news.name == "message.posted"):
        return False
    is_wish = sleeper.role == "em" and news.channel_id == sleeper.project_channel
    return nearness == MY_TASK or is_wish


def waits_s(sleeper: Sleeper, news: News) -> int | None:
    """Say how long news that wakes nobody may lie unread; None until the next turn, whenever.

    What concerns its task is read within the session's band; the engineering manager reads what
    agents say in the project's channels, too.
    """
    if news.actor_id == sleeper.reader.member_id or news.name in NEVER:
        return None
    nearness = rank(sleeper.reader, news)
    is_said = news.name == "message.posted"
    is_talk = sleeper.role == "em" and nearness == MY_PROJECT and is_said
    if nearness != MY_TASK and not is_talk:
        return None
    return None if is_said and is_ack(news.text) else BAND_S.get(sleeper.band)


def is_ack(text: str) -> bool:
    """Tell whether a message only says that another was read; it wants no answer."""
    commands = parse(text).commands
    if commands:
        return all(command.verb == "ACKNOWLEDGED" for command in commands)
    said = text.strip()
    return 0 < len(said) <= ACK_CHARS and bool(_ACK.fullmatch(said))
