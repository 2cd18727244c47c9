"""Fixtures of the hub's tests: the cast."""

from tests.cast import ada, em, eve, grace, hub, ivo, joan, mars, mina, moon, rhea, stopped

__all__ = [
    "ada",
    "em",
    "eve",
    "grace",
    "hub",
    "ivo",
    "joan",
    "mars",
    "mina",
    "moon",
    "rhea",
    "stopped",
]
