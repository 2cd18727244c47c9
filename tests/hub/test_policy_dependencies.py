"""Which task may wait for which, and why one waits, by table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.policy.dependencies import Situation, makes_cycle, why

NOW = datetime(2026, 7, 20, 20, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("edges", "task", "blocker", "expected"),
    [
        ({}, 1, 2, False),
        ({}, 1, 1, True),
        ({2: [1]}, 1, 2, True),
        ({2: [3], 3: [1]}, 1, 2, True),
        ({2: [3], 3: [4]}, 1, 2, False),
        ({2: [3], 3: [2]}, 1, 2, False),
    ],
)
def test_a_circle_is_seen_however_long(edges, task, blocker, expected):
    assert makes_cycle(edges, task, blocker) is expected


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), max_size=40))
def test_edges_that_pass_the_check_never_close_a_circle(wanted):
    edges: dict[int, list[int]] = {}
    for task, blocker in wanted:
        if not makes_cycle(edges, task, blocker):
            edges.setdefault(task, []).append(blocker)

    done: set[int] = set()
    while ready := {n for n in range(1, 9) if n not in done and done.issuperset(edges.get(n, []))}:
        done |= ready

    assert done == set(range(1, 9))


@pytest.mark.parametrize(
    ("situation", "sentence"),
    [
        (
            Situation(state="open"),
            "Nobody has taken it; anybody with the right to work may.",
        ),
        (Situation(state="open", assignee="ivo"), "It waits for ivo to take it."),
        (
            Situation(state="open", assignee="ivo", blockers=("#1 fuel", "#2 land")),
            "It waits for #1 fuel, #2 land.",
        ),
        (
            Situation(state="claimed", holder="ivo", lease_until=NOW + timedelta(seconds=90)),
            "ivo works on it; the claim lapses in 90 s unless renewed.",
        ),
        (
            Situation(state="claimed", holder="ivo", lease_until=NOW + timedelta(seconds=898)),
            "ivo works on it; the claim lapses in 15 min unless renewed.",
        ),
        (
            Situation(state="claimed", holder="ivo", lease_until=NOW - timedelta(seconds=9)),
            "ivo works on it; the claim lapses in 0 s unless renewed.",
        ),
        (
            Situation(state="open", paused=True, questions=(3, 4)),
            "The project is paused. It waits for a person to answer question 3, 4. "
            "Nobody has taken it; anybody with the right to work may.",
        ),
        (Situation(state="done", outcome="We came in peace."), "It is done. We came in peace."),
        (Situation(state="dropped"), "It is dropped."),
    ],
)
def test_why_says_what_a_task_waits_for(situation, sentence):
    assert why(situation, NOW) == sentence
