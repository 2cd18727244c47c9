"""When a session runs in circles: pure decisions about what its rows say. Every limit is here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.protocol import parse

SAME_ERROR_TIMES = 3
TURNS_WITHOUT_PROGRESS = 5
PING_PONG_MESSAGES = 20
FAILING_ALIKE_SESSIONS = 5
FAILING_ALIKE_S = 600
STATUS_CHARS = 200  # how far into a text is looked for words that tell how it stands
# Words that tell how it stands rather than want an answer: they never count as ping-pong.
STATUS_VERBS = frozenset(
    {"STARTED", "COMPLETED", "BLOCKED", "ACKNOWLEDGED", "CHECKPOINT", "HELP-NEEDED", "ESCALATE"}
)
WORK = ("task.", "pull.", "workspace.", "objective.")
_STATUS = re.compile(r"(?:@[\w-]+[:,]?\s*)*(?:status\b|(?:i am|i'm|we are)?\s*blocked\b)", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a tool call: which call it was, and its error, empty when it went well."""

    call: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One event as ping-pong sees it: who did it, where, and whom a message was addressed to.

    `is_exempt` says that a message only tells how it stands.
    """

    name: str
    actor_id: int
    is_person: bool = False
    channel_id: int | None = None
    to: frozenset[int] = frozenset()
    is_exempt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a session did since it was last forgiven; sequences begin with the newest.

    `progress` tells of each turn in which something was wanted whether anything came of it.
    Calls are those of the last hour.
    """

    outcomes: Sequence[Outcome] = ()
    progress: Sequence[bool] = ()
    session_calls: int = 0
    session_limit: int
    objective_calls: int = 0
    objective_limit: int
    talk: Sequence[Said] = field(default=())
    member_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """Why a session is paused: a stable code, and words for people."""

    code: str
    words: str


def trip(record: Record) -> Trip | None:
    """Say which guard a record trips, the first that applies; None while all is well."""
    if same_error(record.outcomes):
        return Trip(
            code="guard.same_error",
            words=f"the same call met the same error {SAME_ERROR_TIMES} times",
        )
    lately = record.progress[:TURNS_WITHOUT_PROGRESS]
    if len(lately) == TURNS_WITHOUT_PROGRESS and not any(lately):
        return Trip(
            code="guard.no_progress",
            words=f"nothing came of its last {TURNS_WITHOUT_PROGRESS} turns",
        )
    return _too_many_calls(record) or _in_circles(record)


def _too_many_calls(record: Record) -> Trip | None:
    if record.session_calls >= record.session_limit:
        return Trip(
            code="guard.session_calls",
            words=f"it made {record.session_limit} model calls within an hour",
        )
    if record.objective_calls >= record.objective_limit:
        return Trip(
            code="guard.objective_calls",
            words=f"its objective took {record.objective_limit} model calls within an hour",
        )
    return None


def _in_circles(record: Record) -> Trip | None:
    if ping_pong(record.talk, record.member_id) < PING_PONG_MESSAGES:
        return None
    return Trip(
        code="guard.ping_pong",
        words=f"it and another agent exchanged {PING_PONG_MESSAGES} messages and did nothing else",
    )


def same_error(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether the newest error is a repetition: the same, three times.

    Either in a row, or for one call that never went well in between (a test that fails again
    after every edit). Numbers do not count: a duration or a line differs each time.
    """
    if not outcomes or not outcomes[0].error:
        return False
    newest = alike(outcomes[0].error)
    row = outcomes[:SAME_ERROR_TIMES]
    if len(row) == SAME_ERROR_TIMES and all(alike(one.error) == newest for one in row):
        return True
    tries = [alike(one.error) for one in outcomes if one.call == outcomes[0].call]
    tries = tries[:SAME_ERROR_TIMES]
    return len(tries) == SAME_ERROR_TIMES and all(error == newest for error in tries)


def alike(error: str) -> str:
    """Reduce an error to what stays when it happens again."""
    return " ".join(re.sub(r"0x[0-9a-f]+|\d+", "#", error.lower()).split())[:1_000]


def ping_pong(talk: Sequence[Said], member_id: int) -> int:
    """Count the messages that a member and one other agent sent each other, and nobody else helped.

    The count ends at a person who speaks where they talk, or at work that one of them did.
    """
    peers = {to for said in talk if said.actor_id == member_id for to in said.to}
    return max((_between(talk, {member_id, peer}) for peer in peers), default=0)


def _between(talk: Sequence[Said], pair: set[int]) -> int:
    count, places = 0, set[int | None]()
    for said in talk:
        if said.is_person and (said.channel_id in places or said.to & pair):
            break
        if said.actor_id not in pair:
            continue
        if said.name.startswith(WORK):
            break
        if said.name == "message.posted" and said.to & (pair - {said.actor_id}):
            places.add(said.channel_id)
            count += not said.is_exempt
    return count


def is_status(text: str) -> bool:
    """Tell whether a message only says how it stands, as a verb or in words ("I am blocked")."""
    commands = parse(text).commands
    if commands:
        return all(command.verb in STATUS_VERBS for command in commands)
    return bool(_STATUS.match(text.strip()[:STATUS_CHARS]))
