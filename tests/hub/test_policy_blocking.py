"""How much waits behind a task."""

import pytest

from hub.policy.blocking import behind


@pytest.mark.parametrize(
    ("waiting", "held"),
    [
        ({}, set()),
        ({1: [2]}, {2}),
        ({1: [2, 3], 2: [4], 3: [4]}, {2, 3, 4}),
        ({2: [3]}, set()),
        ({1: [2], 2: [1]}, {2}),
    ],
)
def test_what_waits_for_a_task_also_through_others(waiting: dict, held: set[int]) -> None:
    assert behind(waiting, 1) == held
