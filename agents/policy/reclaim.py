"""When a checkout may be removed: pure decisions about what still needs it and what is in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Who may still need a checkout, as the rows say.

    `is_published` means that its pull request is merged, `is_discarded` that a person gave up
    what is in it. `waiting_tasks` are numbers of unfinished tasks that wait for this one.
    """

    is_published: bool
    is_discarded: bool
    is_in_use: bool
    has_session: bool
    has_offer: bool
    is_task_over: bool
    is_objective_waiting: bool
    waiting_tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What stands on the disk: commits that the base branch lacks, files in no commit."""

    unpublished: bool
    uncommitted: bool


def still_needed(need: Need) -> str:
    """Say who still needs a checkout; nothing when it may go, if no work is lost with it.

    An objective that only waits is not over: a person's answer may send the agents on.
    """
    if need.is_in_use:
        return "an agent is at work in it"
    if need.is_published or need.is_discarded:
        return ""
    reasons = (
        (need.has_offer, "a pull request of it is open"),
        (need.has_session, "a session of its task is not over"),
        (not need.is_task_over, "its task is not over"),
        (bool(need.waiting_tasks), f"{_names(need.waiting_tasks)} waits for its task"),
        (need.is_objective_waiting, "its objective waits for a person"),
    )
    return next((words for holds, words in reasons if holds), "")


def loses_work(need: Need, work: Work) -> str:
    """Say what would be lost with a checkout; nothing when a person has given it up."""
    if need.is_discarded:
        return ""
    if work.uncommitted:
        return "it holds changes in no commit"
    if work.unpublished:
        return "it holds commits that are in no other branch"
    return ""


def _names(numbers: tuple[int, ...]) -> str:
    return ", ".join(f"#{number}" for number in numbers)
