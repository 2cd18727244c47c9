"""Roles as data: what each may do, and the brief an agent of that role is given."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hub.errors import Invalid

FOLDER = Path(__file__).resolve().parent.parent / "roles"

CAPABILITIES: Mapping[str, str] = {
    "read": "see the project",
    "talk": "post, react, and edit one's own messages",
    "work": "claim and finish tasks, offer changes",
    "plan": "open, assign and drop tasks",
    "staff": "start, steer, pause and end sessions",
    "review": "give verdicts on changes",
    "decide": "answer questions and approve",
    "merge": "order a merge",
    "manage": "change the project, its members and tokens",
    "house": "make projects and stop everything",
    "run": "report a session's own turns",
    "hub": "what only Parley itself does",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One role. `tools` names the actions an agent of it is offered; `hue` is 1 to 8.

    `tier` says how able a model it needs: strong, standard or light. `told` names what of the
    state of the work it is told, `leads` the roles it starts, `dispatch` what those who start it
    write into its brief.
    """

    name: str
    title: str
    kind: str
    hue: int
    capabilities: frozenset[str]
    tools: tuple[str, ...]
    tier: str
    brief: str
    told: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    dispatch: str = ""


@cache
def roles() -> Mapping[str, Role]:
    """Read all roles, once. Raises ValueError for a file that names an unknown capability."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        unknown = set(table["capabilities"]) - set(CAPABILITIES)
        if unknown:
            raise ValueError(f"{path.name} names unknown capabilities: {sorted(unknown)}")
        found[path.stem] = Role(
            name=path.stem,
            title=table["title"],
            kind=table["kind"],
            hue=table["hue"],
            capabilities=frozenset(table["capabilities"]),
            tools=tuple(table.get("tools", ())),
            tier=table.get("tier", "standard"),
            brief=table.get("brief", ""),
            told=tuple(table.get("told", ())),
            leads=tuple(table.get("leads", ())),
            dispatch=table.get("dispatch", ""),
        )
    return found


def role(name: str) -> Role:
    """Give a role by name. Raises Invalid."""
    found = roles().get(name)
    if found is None:
        known = ", ".join(sorted(roles()))
        raise Invalid(f"There is no role {name}; known are {known}.", code="role.unknown")
    return found


def capabilities_of(name: str) -> frozenset[str]:
    """Give what a role may do; an unknown role may do nothing."""
    found = roles().get(name)
    return found.capabilities if found else frozenset()
