"""Guards as pure decisions: each limit with its number, and what never trips one."""

from dataclasses import replace

import pytest

from agents.policy.guards import (
    Outcome,
    Record,
    Said,
    alike,
    is_status,
    ping_pong,
    same_error,
    trip,
)

QUIET = Record(session_limit=120, objective_limit=300, member_id=1)
A, B, C, PERSON = 1, 2, 3, 9
ROOM = 5


def failed(call: str, error: str) -> Outcome:
    return Outcome(call=call, error=error)


def well(call: str) -> Outcome:
    return Outcome(call=call, error="")


def says(who: int, to: int, *, is_exempt: bool = False) -> Said:
    return Said(
        name="message.posted",
        actor_id=who,
        channel_id=ROOM,
        to=frozenset({to}),
        is_exempt=is_exempt,
    )


def volley(count: int) -> list[Said]:
    return [says(A, B) if number % 2 else says(B, A) for number in range(count)]


def code(record: Record) -> str:
    found = trip(record)
    return found.code if found else ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"session_calls": 119}, ""),
        ({"session_calls": 120}, "guard.session_calls"),
        ({"objective_calls": 299}, ""),
        ({"objective_calls": 300}, "guard.objective_calls"),
        ({"progress": [False] * 4}, ""),
        ({"progress": [False] * 5}, "guard.no_progress"),
        ({"progress": [False] * 4 + [True]}, ""),
        ({"progress": [True] + [False] * 5}, ""),
        ({"outcomes": [failed("run", "boom")] * 2}, ""),
        ({"outcomes": [failed("run", "boom")] * 3}, "guard.same_error"),
        ({"talk": volley(19)}, ""),
        ({"talk": volley(20)}, "guard.ping_pong"),
    ],
)
def test_each_guard_trips_at_its_number_and_not_before(changes, expected) -> None:
    assert code(replace(QUIET, **changes)) == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], False),
        ([well("a")] * 9, False),
        ([failed("a", "x"), failed("b", "x"), failed("c", "x")], True),
        ([failed("a", "x"), failed("b", "y"), failed("c", "x")], False),
        ([well("a"), *[failed("a", "x")] * 3], False),
        ([failed("test", "1 failed"), well("edit")] * 3, True),
        ([failed("test", "1 failed"), well("edit")] * 2, False),
        ([failed("test", "x"), well("test"), failed("test", "x"), failed("test", "x")], False),
        ([failed("test", "took 1.2 s"), well("edit"), failed("test", "took 3.4 s")] * 2, True),
    ],
)
def test_the_same_error_three_times(outcomes, expected) -> None:
    assert same_error(outcomes) is expected


def test_numbers_and_spaces_make_no_other_error() -> None:
    assert alike("Line 12:  failed at 0xdeadbeef") == alike("line 7: failed at 0x01")
    assert alike("no such file") != alike("no such folder")


# -- Ping-pong ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (volley(30), 30),
        ([*volley(12), Said(name="message.posted", actor_id=PERSON, is_person=True,
                            channel_id=ROOM), *volley(12)], 12),
        ([*volley(12), Said(name="message.posted", actor_id=PERSON, is_person=True,
                            channel_id=77), *volley(12)], 24),
        ([*volley(12), Said(name="message.posted", actor_id=PERSON, is_person=True,
                            channel_id=77, to=frozenset({B})), *volley(12)], 12),
        ([*volley(12), Said(name="task.claimed", actor_id=B), *volley(12)], 12),
        ([*volley(12), Said(name="workspace.committed", actor_id=A), *volley(12)], 12),
        ([*volley(12), Said(name="task.claimed", actor_id=C), *volley(12)], 24),
        ([says(A, B, is_exempt=True)] * 30, 0),
        ([says(A, C), says(A, B)] * 12, 12),
        ([says(C, B), says(B, C)] * 30, 0),
    ],
)  # fmt: skip
def test_messages_between_the_same_two_are_counted_until_something_else_happens(
    talk, expected
) -> None:
    assert ping_pong(talk, A) == expected


@pytest.mark.parametrize(
    "text",
    [
        "BLOCKED task=3 waiting-for=4",
        "CHECKPOINT task=3 progress=40",
        "I am blocked: the tests need a key.",
        "@Mina blocked by #4",
        "Status: half of it is done.",
    ],
)
def test_words_that_tell_how_it_stands_are_exempt(text: str) -> None:
    assert is_status(text)


@pytest.mark.parametrize("text", ["CLAIM task=3", "What do you think?", "Thanks, and you?", ""])
def test_other_words_are_not(text: str) -> None:
    assert not is_status(text)
