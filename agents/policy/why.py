"""Why a session does not go on: the conditions of its next turn in order, met or not. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple


class Condition(NamedTuple):
    """One thing that a turn needs, in words, and whether it is so."""

    words: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Somebody stopped something; `by` may be empty when the log does not say."""

    since: datetime
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known of a session.

    `writer` is the agent that writes in the checkout now, `waits_for` the numbers of the open
    questions it asked. `due_at` is None while it sleeps.
    """

    ended: str = ""
    in_turn: str = ""
    everything: Stop | None = None
    project: Stop | None = None
    is_archived: bool = False
    own: Stop | None = None
    waits_for: tuple[int, ...] = ()
    parked_until: datetime | None = None
    parked_words: str = ""
    target: str = ""
    target_state: str = "online"
    is_new: bool = False
    slots: int = 0
    busy: int = 0
    writer: str = ""
    due_at: datetime | None = None


def why(session: Situation, now: datetime) -> list[Condition]:
    """List what the next turn of a session needs, in the order in which it is looked at."""
    if session.ended:
        return [Condition(f"It is over: {session.ended}.", ok=False)]
    if session.in_turn:
        return [Condition(f"It is in a turn now: {session.in_turn}.", ok=True)]
    return [
        _stopped("Nothing stops everything", "Everything is stopped", session.everything),
        _project(session),
        _stopped("Nobody paused this session", "It is paused", session.own),
        _answers(session),
        _parked(session, now),
        _target(session),
        _checkout(session),
        _news(session, now),
    ]


def _stopped(fine: str, wrong: str, stop: Stop | None) -> Condition:
    if stop is None:
        return Condition(f"{fine}.", ok=True)
    by = f" by {stop.by}" if stop.by else ""
    reason = f": {stop.reason}" if stop.reason else ""
    return Condition(f"{wrong}{by} since {stop.since:%H:%M} UTC{reason}.", ok=False)


def _project(session: Situation) -> Condition:
    if session.is_archived:
        return Condition("The project is archived.", ok=False)
    return _stopped("The project is not paused", "The project is paused", session.project)


def _answers(session: Situation) -> Condition:
    if not session.waits_for:
        return Condition("It waits for no answer.", ok=True)
    numbers = " and ".join(str(number) for number in session.waits_for)
    return Condition(f"It waits for a person to answer question {numbers}.", ok=False)


def _parked(session: Situation, now: datetime) -> Condition:
    if session.parked_until is None or session.parked_until <= now:
        return Condition("Its provider answers.", ok=True)
    words = session.parked_words or "its provider has no room for it"
    return Condition(f"Until {session.parked_until:%H:%M} UTC: {words}.", ok=False)


def _target(session: Situation) -> Condition:
    place = f"The machine {session.target}"
    if session.target_state == "disabled":
        return Condition(f"{place} is switched off for sessions.", ok=False)
    if session.target_state == "draining" and session.is_new:
        return Condition(f"{place} begins nothing new.", ok=False)
    words = f"{session.busy} of {session.slots} slots taken"
    if session.busy >= session.slots:
        return Condition(f"{place} is full: {words}.", ok=False)
    return Condition(f"{place} has room: {words}.", ok=True)


def _checkout(session: Situation) -> Condition:
    if session.writer:
        return Condition(f"{session.writer} writes in the checkout.", ok=False)
    return Condition("Nobody else writes in its checkout.", ok=True)


def _news(session: Situation, now: datetime) -> Condition:
    if session.due_at is None:
        return Condition(
            "There is nothing to read: it sleeps until somebody mentions it or its task moves.",
            ok=False,
        )
    if session.due_at > now + timedelta(seconds=1):
        return Condition(f"Its next turn is due at {session.due_at:%H:%M:%S} UTC.", ok=False)
    return Condition("There is something to read; a worker takes it next.", ok=True)
