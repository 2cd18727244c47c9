"""State machines as data: declared edges, moved by a guarded UPDATE."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from django.db.models import Model, TextChoices

from hub import fast
from hub.errors import Conflict

State = TypeVar("State", bound=TextChoices)


class Machine(Generic[State]):
    """The states of one model's `state` column and the moves between them.

    A state without moves is final. A state that the edges do not name is a mistake found at import.
    """

    def __init__(self, states: type[State], edges: Mapping[State, set[State]]) -> None:
        missing = set(states) - set(edges)
        if missing:
            raise ValueError(f"{states.__name__} has no edges for {sorted(missing)}")
        self.states = states
        self.edges = edges
        self.final = frozenset(state for state, targets in edges.items() if not targets)
        self.live = frozenset(states) - self.final

    def sources(self, target: State) -> list[State]:
        """List the states from which `target` can be reached in one move."""
        return [state for state, targets in self.edges.items() if target in targets]

    def move(self, row: Model, target: State, **changes: Any) -> None:
        """Move a row to another state and write `changes` with it, or refuse.

        The UPDATE is guarded by the declared sources, so a row that somebody else has moved
        stays as it is. Raises Conflict, with the state found.
        """
        changes = {"state": target, **changes}
        if not fast.change(
            row, "it.state = ANY(%s)", [[state.value for state in self.sources(target)]], changes
        ):
            row.refresh_from_db()
            name = row._meta.verbose_name
            state = self.states(row.state)  # type: ignore[attr-defined]
            raise Conflict(
                f"This {name} is {state.label}; it cannot become {target.label}.",
                code=f"{row._meta.model_name}.{state.value}",
                state=state.value,
                wanted=target.value,
            )
        for column, value in changes.items():
            setattr(row, column, value)
