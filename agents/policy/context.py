"""When a conversation has grown too long: what its size asks for. Pure."""

from enum import IntEnum


class Course(IntEnum):
    """What a session does about its size, from nothing to being relieved at once."""

    NONE = 0
    NOTE = 60
    PREPARE = 70
    CHANGE = 80
    FORCED = 90


def share(tokens: int, limit_tokens: int) -> int:
    """Give the used part of the limit in whole per cent, rounded down."""
    return tokens * 100 // limit_tokens


def course(tokens: int, limit_tokens: int) -> Course:
    """Choose the course for a conversation of `tokens`; each begins at its per cent exactly."""
    used = share(tokens, limit_tokens)
    return max(step for step in Course if used >= step)


def forces(tokens: int, limit_tokens: int, *, has_finished_a_turn: bool) -> bool:
    """Tell whether a session is relieved at once.

    One that has finished no turn is not: its successor would begin just as large.
    """
    return has_finished_a_turn and course(tokens, limit_tokens) == Course.FORCED
