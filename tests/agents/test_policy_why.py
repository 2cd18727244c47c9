"""Why a session waits: each condition in words, in the order in which it is looked at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents.policy.why import Condition, Situation, Stop, why

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
READY = Situation(target="local", slots=4, busy=1, due_at=NOON)
ADA = Stop(since=NOON - timedelta(minutes=5), by="Ada", reason="lunch")


def blockers(situation: Situation) -> list[str]:
    return [found.words for found in why(situation, NOON) if not found.ok]


def test_nothing_keeps_a_session_that_is_due():
    assert blockers(READY) == []
    assert len(why(READY, NOON)) == 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"everything": ADA}, "Everything is stopped by Ada since 11:55 UTC: lunch."),
        ({"project": ADA}, "The project is paused by Ada since 11:55 UTC: lunch."),
        ({"is_archived": True}, "The project is archived."),
        ({"own": Stop(since=NOON)}, "It is paused since 12:00 UTC."),
        ({"waits_for": (3, 7)}, "It waits for a person to answer question 3 and 7."),
        (
            {"parked_until": NOON + timedelta(minutes=5), "parked_words": "a limit"},
            "Until 12:05 UTC: a limit.",
        ),
        ({"target_state": "disabled"}, "The machine local is switched off for sessions."),
        ({"target_state": "draining", "is_new": True}, "The machine local begins nothing new."),
        ({"busy": 4}, "The machine local is full: 4 of 4 slots taken."),
        ({"writer": "Ivo"}, "Ivo writes in the checkout."),
        (
            {"due_at": None},
            "There is nothing to read: it sleeps until somebody mentions it or its task moves.",
        ),
        ({"due_at": NOON + timedelta(minutes=2)}, "Its next turn is due at 12:02:00 UTC."),
    ],
)
def test_each_blocker_is_said_in_words(change: dict, words: str):
    assert blockers(replace(READY, **change)) == [words]


@pytest.mark.parametrize(
    "change",
    [
        {"target_state": "draining"},
        {"parked_until": NOON - timedelta(seconds=1)},
    ],
)
def test_what_is_over_or_concerns_others_blocks_nothing(change: dict):
    assert blockers(replace(READY, **change)) == []


def test_blockers_come_in_the_order_in_which_a_worker_looks():
    stuck = replace(READY, due_at=None, everything=ADA, own=ADA, waits_for=(1,), busy=9)

    first_words = [words.split()[0] for words in blockers(stuck)]

    assert first_words == ["Everything", "It", "It", "The", "There"]


def test_a_session_in_a_turn_or_over_waits_for_nothing():
    assert why(replace(READY, in_turn="run_command"), NOON) == [
        Condition("It is in a turn now: run_command.", ok=True)
    ]
    assert why(replace(READY, ended="succeeded"), NOON) == [
        Condition("It is over: succeeded.", ok=False)
    ]
