"""When a checkout may go: a table of who needs it, and of what would be lost."""

from dataclasses import replace
from itertools import product

import pytest

from agents.policy.reclaim import Need, Work, loses_work, still_needed

FREE = Need(
    is_published=False,
    is_discarded=False,
    is_in_use=False,
    has_session=False,
    has_offer=False,
    is_task_over=True,
    is_objective_waiting=False,
    waiting_tasks=(),
)
CLEAN = Work(unpublished=False, uncommitted=False)


def test_nobody_needs_what_is_over() -> None:
    assert still_needed(FREE) == ""
    assert loses_work(FREE, CLEAN) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"is_in_use": True}, "an agent is at work in it"),
        ({"has_offer": True}, "a pull request of it is open"),
        ({"has_session": True}, "a session of its task is not over"),
        ({"is_task_over": False}, "its task is not over"),
        ({"waiting_tasks": (3, 4)}, "#3, #4 waits for its task"),
        ({"is_objective_waiting": True}, "its objective waits for a person"),
    ],
)
def test_each_need_keeps_it_until_it_is_published_or_given_up(change, words) -> None:
    needed = replace(FREE, **change)
    assert still_needed(needed) == words

    over = [replace(needed, is_published=True), replace(needed, is_discarded=True)]

    kept = words if "is_in_use" in change else ""
    assert [still_needed(one) for one in over] == [kept, kept]


@pytest.mark.parametrize(("unpublished", "uncommitted"), list(product([False, True], repeat=2)))
def test_work_is_lost_only_where_a_person_gave_it_up(unpublished: bool, uncommitted: bool) -> None:
    work = Work(unpublished=unpublished, uncommitted=uncommitted)

    assert bool(loses_work(FREE, work)) == (unpublished or uncommitted)
    assert loses_work(replace(FREE, is_discarded=True), work) == ""


def test_commits_made_after_the_merge_are_work_too() -> None:
    work = Work(unpublished=True, uncommitted=False)

    assert loses_work(replace(FREE, is_published=True), work) != ""
