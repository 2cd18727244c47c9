"""What waits behind a task: how many others go on only when it does."""

from collections.abc import Iterable, Mapping


def behind(waiting: Mapping[int, Iterable[int]], task: int) -> set[int]:
    """Give all tasks that wait for one, also through others.

    `waiting` maps a task to those that wait for it directly, unresolved ones only.
    """
    found: set[int] = set()
    stack = list(waiting.get(task, ()))
    while stack:
        at = stack.pop()
        if at not in found and at != task:
            found.add(at)
            stack.extend(waiting.get(at, ()))
    return found
