"""When a conversation is noted, prepared, changed and forced: a table."""

import pytest

from agents.policy.context import Course, course, forces, share


@pytest.mark.parametrize(
    ("tokens", "limit", "step"),
    [
        (0, 120_000, Course.NONE),
        (71_999, 120_000, Course.NONE),
        (72_000, 120_000, Course.NOTE),
        (83_999, 120_000, Course.NOTE),
        (84_000, 120_000, Course.PREPARE),
        (95_999, 120_000, Course.PREPARE),
        (96_000, 120_000, Course.CHANGE),
        (107_999, 120_000, Course.CHANGE),
        (108_000, 120_000, Course.FORCED),
        (900_000, 120_000, Course.FORCED),
        (96_000, 1_000_000, Course.NONE),
        (8, 10, Course.CHANGE),
    ],
)
def test_the_course_follows_the_size(tokens: int, limit: int, step: Course) -> None:
    assert course(tokens, limit) == step


def test_the_share_is_rounded_down() -> None:
    assert share(97_199, 120_000) == 80


@pytest.mark.parametrize(("begun", "forced"), [(True, True), (False, False)])
def test_a_session_that_has_finished_no_turn_is_not_relieved(begun: bool, forced: bool) -> None:
    assert forces(119_000, 120_000, has_finished_a_turn=begun) is forced
