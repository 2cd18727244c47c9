"""Who has something to read: the log from the agents' cursor, and the sessions made due by it."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from agents.models import Session, SessionState, Turn
from agents.policy.attention import Band, Sleeper, band, waits_s, wakes
from hub import clock, faults, identify
from hub.actions import events, inbox
from hub.models import (
    HOUSE,
    Channel,
    ChannelKind,
    ChannelMember,
    Cursor,
    Event,
    MemberKind,
    ProjectClock,
)
from hub.policy.inbox import Reader

READER = "agents"
WORKED_ON = ("pull.", "session.asked", "session.doubted")  # news of these are for a worker too
CAPS = frozenset({"budget.set", "budget.raised"})
MAX_EVENTS = 500  # read at a time
MAX_FOREBEARS = 5
MAX_WINDOWS = 20  # read in one go; the next sweep reads on


def behind() -> list[int]:
    """List the projects whose log goes on after the agents' cursor, in one query."""
    read = Cursor.objects.filter(project_id=OuterRef("project_id"), reader=READER)
    rows = ProjectClock.objects.annotate(read=Coalesce(Subquery(read.values("seq")[:1]), Value(0)))
    rows = rows.filter(seq__gt=F("read"), project__archived_at=None).exclude(project_id=HOUSE)
    return list(rows.values_list("project_id", flat=True).order_by("project_id"))


def make_due(project_id: int, coalesce_s: float | None = None) -> bool:
    """Read a project's log to its end and make due whoever has to read it; tell if anybody was.

    A session is due `coalesce_s` after the first of its news, so that one turn reads a burst; what
    need not be read at once waits for the session's band. News of a pull request or of a question
    beside the turns count too: a worker may have to look at them.
    """
    woke = False
    pause = timedelta(seconds=settings.COALESCE_S if coalesce_s is None else coalesce_s)
    for _ in range(MAX_WINDOWS):
        after = events.cursor_of(project_id, READER)
        rows = list(
            Event.objects.filter(project_id=project_id, seq__gt=after)
            .select_related("actor", "channel")
            .order_by("seq")[:MAX_EVENTS]
        )
        if rows:
            woke |= _wake_for(project_id, rows, pause)
            faults.passed("wake.read")
            events.advance_cursor(project_id, READER, rows[-1].seq)
        if len(rows) < MAX_EVENTS:
            break
    return woke


def _wake_for(project_id: int, rows: list[Event], pause: timedelta) -> bool:
    news = _News(project_id, rows)
    now = clock.now()
    due: dict[timedelta, list[int]] = {}
    for session_id, sleeper in _sleepers(project_id, now):
        wait = news.wait_of(sleeper, pause)
        if wait is not None:
            due.setdefault(wait, []).append(session_id)
    woken = {after: _wake(found, now + after) for after, found in due.items()}
    paid = _paid_again(rows)
    is_due = bool(woken.get(pause)) or bool(paid)
    return is_due or any(row.name.startswith(WORKED_ON) for row in rows)


def wake_again(session: Session, after: int, heard: Container[int], now: datetime) -> None:
    """Make a session due, under the lock, for what happened since it read its news.

    A wake-up that came in the middle of a turn is forgotten when that turn is taken again, so the
    end of every turn looks once more. What the session `heard` meanwhile does not count.
    """
    log = Event.objects.filter(project_id=session.project_id, seq__gt=after)
    log = log.exclude(actor_id=session.member_id).select_related("actor", "channel")
    rows = [row for row in log.order_by("seq")[:MAX_EVENTS] if row.seq not in heard]
    if not rows:
        return
    for _, sleeper in _sleepers(session.project_id, now, session):
        wait = _News(session.project_id, rows).wait_of(sleeper, timedelta())
        if wait is not None:
            _wake([session.pk], now + wait)


@dataclass
class _News:
    """Events as a project's sessions see them."""

    project_id: int
    rows: list[Event]

    def __post_init__(self) -> None:
        self.people = {row.actor_id for row in self.rows if row.actor.kind == MemberKind.PERSON}
        self.items = inbox.news(self.rows, identify.of_hub(self.project_id))
        self.private = _private(self.rows)

    def wait_of(self, sleeper: Sleeper, pause: timedelta) -> timedelta | None:
        """Say how long these may lie unread: `pause`, or its band's time, or until whenever."""
        member = sleeper.reader.member_id
        mine = [
            one
            for one in self.items
            if not one.is_direct or (one.channel_id, member) in self.private
        ]
        if any(wakes(sleeper, one, by_person=one.actor_id in self.people) for one in mine):
            return pause
        waits = [one for item in mine if (one := waits_s(sleeper, item)) is not None]
        return timedelta(seconds=min(waits)) if waits else None


def _wake(found: list[int], at: datetime) -> int:
    """Make sessions due at a moment, unless they are before; a failed one keeps its pause."""
    late = Q(due_at=None) | Q(due_at__gt=at, failures=0)
    return Session.objects.live().filter(late, pk__in=found).update(due_at=at)


def _paid_again(rows: Iterable[Event]) -> int:
    """Let the sessions go on whose budgets got a new cap; tell how many."""
    raised = [int(row.subject.partition(":")[2]) for row in rows if row.name in CAPS]
    stopped = Session.objects.live().filter(over_budget_id__in=raised)
    waiting = stopped.filter(over_budget__stopped_at=None)  # else the news are older than the stop
    return waiting.update(over_budget=None, due_at=clock.now()) if raised else 0


def _private(rows: Iterable[Event]) -> set[tuple[int | None, int]]:
    """Give (channel, member) of the direct channels in which something happened."""
    direct = {
        row.channel.pk for row in rows if row.channel and row.channel.kind == ChannelKind.DIRECT
    }
    if not direct:
        return set()
    found = ChannelMember.objects.filter(channel_id__in=direct)
    return set(found.values_list("channel_id", "member_id"))


def _sleepers(
    project_id: int, now: datetime, only: Session | None = None
) -> list[tuple[int, Sleeper]]:
    last = Turn.objects.filter(session=OuterRef("pk")).order_by("-number")
    rows = Session.objects.live().filter(project_id=project_id).select_related("task")
    rows = rows.filter(pk=only.pk) if only else rows
    rows = rows.annotate(acted_at=Coalesce(Subquery(last.values("ended_at")[:1]), "created_at"))
    sessions = list(rows)
    readers = inbox.profiles(project_id, [row.member_id for row in sessions])
    talk = Channel.objects.get(project_id=project_id, kind=ChannelKind.PROJECT).pk
    return [
        (
            row.pk,
            Sleeper(
                role=row.role,
                reader=at_work(row, readers[row.member_id]),
                project_channel=talk,
                band=_band(row, readers[row.member_id], now),
            ),
        )
        for row in sessions
    ]


def _band(row: Session, reader: Reader, now: datetime) -> Band:
    is_parked = (
        row.paused_at is not None
        or row.state == SessionState.WAITING_USER
        or (row.parked_until is not None and row.parked_until > now)
    )
    has_work = row.task is not None and row.task.ended_at is None
    acted_at: datetime = row.acted_at  # type: ignore[attr-defined]  # annotated by _sleepers
    quiet_s = (now - acted_at).total_seconds()
    return band(is_parked=is_parked, has_work=has_work or bool(reader.subjects), quiet_s=quiet_s)


def at_work(session: Session, reader: Reader) -> Reader:
    """Count a session's task and its channel as its reader's, whoever holds the task."""
    if session.predecessor_id:
        reader = replace(reader, forebears=_forebears(session))
    task = session.task
    if task is None:
        return reader
    places = {task.channel_id} if task.channel_id else set()
    return replace(
        reader,
        subjects=reader.subjects | {f"task:{task.number}"},
        channels=reader.channels | places,
    )


def _forebears(session: Session) -> frozenset[int]:
    """Give the members whose work a session goes on with, its predecessor's first."""
    found: list[int] = []
    at = session.predecessor
    while at is not None and len(found) < MAX_FOREBEARS:
        found.append(at.member_id)
        at = at.predecessor
    return frozenset(found)
