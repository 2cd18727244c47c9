"""The facts for the guards, from rows only, so that a restart forgives nothing."""

import json
from collections import defaultdict
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Max, OuterRef, Q

from agents.models import CallState, Session, Step, ToolCall, Turn, TurnState
from agents.policy import guards
from agents.policy.guards import Outcome, Record, Said, Trip
from hub.models import ChannelKind, Event, MemberKind, Message
from hub.policy.inbox import ADDRESSED

HOUR = timedelta(hours=1)
MAX_CALLS = 40  # tool calls looked at
MAX_TURNS = 15
MAX_EVENTS = 300
OVER = (TurnState.DONE, TurnState.FAILED)
PLACES = (ChannelKind.WORK, ChannelKind.DIRECT)
PAIR = 2


def look(session: Session, now: datetime, *, is_first: bool = True) -> Trip | None:
    """Say which guard a session trips before its next model call.

    Only before the `is_first` call of a turn is looked at past turns and at talk: neither changes
    within one.
    """
    mine, wish = _calls(session, now)
    return guards.trip(
        Record(
            outcomes=_outcomes(session),
            progress=_progress(session) if is_first else (),
            session_calls=mine,
            session_limit=session.project.session_calls_per_hour,
            objective_calls=wish,
            objective_limit=session.project.objective_calls_per_hour,
            talk=_talk(session) if is_first else (),
            member_id=session.member_id,
        )
    )


def _calls(session: Session, now: datetime) -> tuple[int, int]:
    """Count the model's answers of the last hour: the session's, and its objective's."""
    since = now - HOUR
    own = Q(turn__session=session, at__gt=max(since, session.forgiven_at or since))
    counts = {"mine": Count("pk", filter=own)}
    rows = Step.objects.filter(turn__session__project=session.project_id, at__gt=since)
    if session.objective_id is None:
        return rows.filter(own).count(), 0
    team = Session.objects.filter(objective=session.objective_id)
    forgiven = team.aggregate(last=Max("forgiven_at"))["last"]
    wish = Q(turn__session__objective=session.objective_id, at__gt=max(since, forgiven or since))
    found = rows.filter(own | wish).aggregate(**counts, wish=Count("pk", filter=wish))
    return found["mine"], found["wish"]


def _outcomes(session: Session) -> list[Outcome]:
    rows = ToolCall.objects.filter(step__turn__session=session, state=CallState.DONE)
    if session.forgiven_at:
        rows = rows.filter(step__at__gt=session.forgiven_at)
    rows = rows.order_by("-step__at", "-step_id", "-number")
    return [_outcome(call) for call in rows[:MAX_CALLS]]


def _outcome(call: ToolCall) -> Outcome:
    failed = call.is_error or call.exit_code not in {None, 0}
    what = f"{call.name} {json.dumps(call.arguments, sort_keys=True)}"
    return Outcome(call=what, error=f"{call.name}: {call.result}" if failed else "")


def _progress(session: Session) -> list[bool]:
    """Tell of the last turns in which something was wanted whether anything came of them.

    Anything: words, or a tool call that went well. A turn that only read what was said to others
    and had nothing to say is no failure.
    """
    steps = Step.objects.filter(turn=OuterRef("pk"))
    good = ToolCall.objects.filter(step__turn=OuterRef("pk"), state=CallState.DONE, is_error=False)
    rows = Turn.objects.filter(session=session, state__in=OVER)
    if session.forgiven_at:
        rows = rows.filter(started_at__gt=session.forgiven_at)
    found = rows.annotate(says=Exists(steps.exclude(text="")), does=Exists(good))
    found = found.order_by("-number")[:MAX_TURNS]
    return [turn.says or turn.does for turn in found if _was_wanted(turn)]


def _was_wanted(turn: Turn) -> bool:
    ranks = [item.get("rank") for item in turn.news]
    first = turn.number == 1
    return first or not ranks or ADDRESSED in ranks or turn.state == TurnState.FAILED


def _talk(session: Session) -> list[Said]:
    rows = Event.objects.filter(project_id=session.project_id).select_related("actor", "channel")
    if session.forgiven_at:
        rows = rows.filter(at__gt=session.forgiven_at)
    found = list(rows.order_by("-seq")[:MAX_EVENTS])
    said = [row for row in found if row.name == "message.posted"]
    if len(said) < guards.PING_PONG_MESSAGES:
        return []
    messages = Message.objects.filter(
        project_id=session.project_id, seq__in=[row.seq for row in said]
    )
    texts, pairs = dict(messages.values_list("seq", "text")), _pairs(said)
    return [_said(row, texts.get(row.seq, ""), pairs) for row in found]


def _pairs(said: list[Event]) -> dict[int | None, frozenset[int]]:
    """Give the two of each channel where exactly two talk: all is said to the other there."""
    who = defaultdict[int | None, set[int]](set)
    for row in said:
        if row.channel and row.channel.kind in PLACES and row.actor.kind != MemberKind.HUB:
            who[row.channel_id].add(row.actor_id)
    return {channel: frozenset(found) for channel, found in who.items() if len(found) == PAIR}


def _said(row: Event, text: str, pairs: dict[int | None, frozenset[int]]) -> Said:
    named = frozenset(row.facts.get("mentions", ()))
    return Said(
        name=row.name,
        actor_id=row.actor_id,
        is_person=row.actor.kind == MemberKind.PERSON,
        channel_id=row.channel_id,
        to=named or pairs.get(row.channel_id, frozenset()) - {row.actor_id},
        is_exempt=guards.is_status(text),
    )
