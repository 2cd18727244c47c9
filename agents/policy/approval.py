"""Whose verdicts let a change be merged. Pure: verdicts in, one sentence out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One verdict, with the change it was given on and whether a person gave it."""

    reviewer_id: int
    verdict: str
    change: tuple[str, str]
    by_person: bool


def missing(
    verdicts: Sequence[Given],
    change: tuple[str, str],
    *,
    authors: Collection[int],
    needs_person: bool,
) -> str:
    """Say what a change still lacks before it may be merged; nothing when it lacks nothing.

    `verdicts` are in order of time, `change` is (base commit, tree). Only a reviewer's last
    verdict counts; an approval counts only on exactly this change and never from an author.
    """
    last = {given.reviewer_id: given for given in verdicts if given.verdict != "comment"}
    if any(given.verdict == "changes" and given.change == change for given in last.values()):
        return "Changes were requested on exactly this version."
    good = [
        given
        for given in last.values()
        if given.verdict == "approve"
        and given.change == change
        and given.reviewer_id not in authors
    ]
    if needs_person and not any(given.by_person for given in good):
        return "It needs the approval of a person, on exactly this version."
    return "" if good else "It needs an approval, on exactly this version."
