"""Who has something to read: the log from the agents' cursor, and the sessions made due by it."""

from collections.abc import Iterable
from dataclasses import replace

from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from agents.models import Session
from agents.policy.attention import Sleeper, wakes
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
WORKED_ON = ("pull.", "session.asked")  # news of these are for a worker too
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


def make_due(project_id: int) -> bool:
    """Read a project's log to its end and make due whoever has to read it; tell if anybody was.

    News of a pull request or of a question to an agent that is gone count too: a worker may have
    to look at them.
    """
    woke = False
    for _ in range(MAX_WINDOWS):
        after = events.cursor_of(project_id, READER)
        rows = list(
            Event.objects.filter(project_id=project_id, seq__gt=after)
            .select_related("actor", "channel")
            .order_by("seq")[:MAX_EVENTS]
        )
        if rows:
            woke |= _wake_for(project_id, rows)
            faults.passed("wake.read")
            events.advance_cursor(project_id, READER, rows[-1].seq)
        if len(rows) < MAX_EVENTS:
            break
    return woke


def _wake_for(project_id: int, rows: list[Event]) -> bool:
    people = {row.actor_id for row in rows if row.actor.kind == MemberKind.PERSON}
    items = inbox.news(rows, identify.of_hub(project_id))
    private = _private(rows)
    due = [
        session_id
        for session_id, sleeper in _sleepers(project_id)
        if any(
            wakes(sleeper, item, by_person=item.actor_id in people)
            for item in items
            if not item.is_direct or (item.channel_id, sleeper.reader.member_id) in private
        )
    ]
    now = clock.now()
    late = Q(due_at=None) | Q(due_at__gt=now, failures=0)  # a failed one keeps its pause
    woken = Session.objects.live().filter(late, pk__in=due).update(due_at=now) if due else 0
    woken += _paid_again(rows)
    return bool(woken) or any(row.name.startswith(WORKED_ON) for row in rows)


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


def _sleepers(project_id: int) -> list[tuple[int, Sleeper]]:
    rows = Session.objects.live().filter(project_id=project_id).select_related("task")
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
            ),
        )
        for row in sessions
    ]


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
