"""What the applications above know about tasks and objectives: what is left, and what to end.

They register in `ready()`; the hub asks without knowing who answers.
"""

from collections.abc import Callable

from hub.actor import Actor
from hub.models import Objective, Task

Check = Callable[[Actor, Objective], list[str]]
Ending = Callable[[Actor, Objective, str], None]
Evidence = Callable[[Task], list[str]]

_checks: list[Check] = []
_endings: list[Ending] = []
_evidence: list[Evidence] = []


def before_success(check: Check) -> None:
    """Register who lists, in words, what an objective still waits for before it succeeded."""
    _checks.append(check)


def at_giving_up(ending: Ending) -> None:
    """Register who ends, under the lock and with a reason, what still works for an objective."""
    _endings.append(ending)


def for_people(evidence: Evidence) -> None:
    """Register who gives, in words, what a person needs to judge a task that got stuck."""
    _evidence.append(evidence)


def left(actor: Actor, objective: Objective) -> list[str]:
    """List what an objective still waits for."""
    return [words for check in _checks for words in check(actor, objective)]


def give_up(actor: Actor, objective: Objective, reason: str) -> None:
    """End what still works for an objective."""
    for ending in _endings:
        ending(actor, objective, reason)


def evidence(task: Task) -> list[str]:
    """Collect what a person needs to judge a task."""
    return [words for maker in _evidence for words in maker(task)]
