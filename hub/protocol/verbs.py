"""The 24 verbs: what each means, needs and may carry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Kind = Literal["text", "name", "member", "integer", "decimal", "choice", "list"]
MAX_INTEGER = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a key takes. `name` is a slug or number (a leading # goes), `member` may lead with @."""

    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = MAX_INTEGER


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb. `says` is what it does in the third person, with its fields' values to fill in.

    Without required keys any of the optional ones makes a line a command.
    """

    name: str
    phase: int
    help: str
    says: str
    required: Mapping[str, Key] = field(default_factory=dict)
    optional: Mapping[str, Key] = field(default_factory=dict)
    has_payload: bool = False

    @property
    def keys(self) -> Mapping[str, Key]:
        """All keys that this verb knows."""
        return {**self.required, **self.optional}


_TEXT = Key()
_NAME = Key(kind="name")
_MEMBER = Key(kind="member")
_LIST = Key(kind="list")
_COUNT = Key(kind="integer")
_LOAD = Key(kind="integer", high=1_000)
_PERCENT = Key(kind="integer", high=100)
_MONEY = Key(kind="decimal")
_TASK = {"task": _NAME}
_SEVERITY = Key(kind="choice", choices=("low", "medium", "high", "critical"))
_VERDICT = Key(kind="choice", choices=("approved", "changes-requested", "rejected"))
_GATE = Key(kind="choice", choices=("passed", "failed", "pending"))

_ALL = (
    Verb(
        name="STARTED",
        phase=2,
        help="You began to work on a task.",
        says="starts task {task}",
        required=_TASK,
        optional={"priority": _TEXT},
    ),
    Verb(
        name="COMPLETED",
        phase=2,
        help="A task is done; what waited for it may go on.",
        says="completes task {task}",
        required=_TASK,
        optional={"summary": _TEXT},
    ),
    Verb(
        name="BLOCKED",
        phase=2,
        help="A task waits for others; each may also be a tag `#blocked-by-NAME`.",
        says="says that task {task} is blocked",
        required=_TASK,
        optional={"waiting-for": _LIST, "reason": _TEXT},
    ),
    Verb(
        name="ACKNOWLEDGED",
        phase=2,
        help="You took note that a task is free again.",
        says="acknowledges task {task}",
        required=_TASK,
        optional={"unblocked-by": _NAME},
    ),
    Verb(
        name="HELP-NEEDED",
        phase=2,
        help="You need somebody who knows something.",
        says="needs help with task {task}",
        required=_TASK,
        optional={"expertise": _LIST},
    ),
    Verb(
        name="CONTEXT",
        phase=2,
        help="You know a component, and this is its state.",
        says="knows about {component}",
        required={"component": _TEXT},
        optional={"project": _TEXT, "status": _TEXT, "files": _LIST},
    ),
    Verb(
        name="REQUEST-CONTEXT",
        phase=2,
        help="You ask who knows a component.",
        says="asks about {component}",
        required={"component": _TEXT},
    ),
    Verb(
        name="SHARING-CONTEXT",
        phase=2,
        help="The rest of the line is what you know, word for word.",
        says="shares what they know",
        has_payload=True,
    ),
    Verb(
        name="DISCOVER",
        phase=9,
        help="You ask who has an expertise.",
        says="looks for {expertise}",
        required={"expertise": _NAME},
    ),
    Verb(
        name="CAPABILITIES",
        phase=9,
        help="You say what you can do, and how busy you are.",
        says="can do {expertise}",
        required={"expertise": _LIST},
        optional={
            "channels": _LIST,
            "active-tasks": _LIST,
            "current-task": _NAME,
            "role": _NAME,
            "load": _LOAD,
            "max-load": _LOAD,
        },
    ),
    Verb(
        name="OFFER",
        phase=12,
        help="You open a task for whoever takes it.",
        says="offers task {task}",
        required=_TASK,
        optional={"title": _TEXT, "brief": _TEXT, "priority": _TEXT, "scope": _TEXT},
    ),
    Verb(
        name="CLAIM",
        phase=12,
        help="You take a task, so that nobody else works on it.",
        says="claims task {task}",
        required=_TASK,
        optional={"load": _LOAD},
    ),
    Verb(
        name="ASSIGN",
        phase=12,
        help="You give a task to somebody.",
        says="assigns task {task} to {to}",
        required={**_TASK, "to": _MEMBER},
    ),
    Verb(
        name="ACCEPT",
        phase=12,
        help="You accept a task that was given or handed to you.",
        says="accepts task {task}",
        required=_TASK,
    ),
    Verb(
        name="DECLINE",
        phase=12,
        help="You refuse a task that was given or handed to you.",
        says="declines task {task}",
        required=_TASK,
        optional={"reason": _TEXT},
    ),
    Verb(
        name="YIELD",
        phase=12,
        help="You put a task back for others.",
        says="yields task {task}",
        required=_TASK,
        optional={"reason": _TEXT},
    ),
    Verb(
        name="CHECKPOINT",
        phase=13,
        help="How far a task is, in percent, and what is done.",
        says="reports on task {task}",
        required=_TASK,
        optional={"progress": _PERCENT, "summary": _TEXT},
    ),
    Verb(
        name="HANDOFF",
        phase=13,
        help="You offer a task to somebody; it is theirs once they accept.",
        says="hands task {task} to {to}",
        required={**_TASK, "to": _MEMBER},
        optional={"context-id": _TEXT},
    ),
    Verb(
        name="REVIEW-REQUEST",
        phase=14,
        help="You ask for a review.",
        says="asks for a review of task {task}",
        required=_TASK,
        optional={"pr": _TEXT, "review-type": _TEXT},
    ),
    Verb(
        name="REVIEW-COMPLETE",
        phase=14,
        help="Your verdict after a review.",
        says="reviewed task {task}: {verdict}",
        required={**_TASK, "verdict": _VERDICT},
        optional={"pr": _TEXT, "details": _TEXT},
    ),
    Verb(
        name="GATE-CHECK",
        phase=14,
        help="How a check of a task went.",
        says="checked {gate} of task {task}: {status}",
        required={**_TASK, "gate": _TEXT, "status": _GATE},
        optional={"details": _TEXT},
    ),
    Verb(
        name="VOTE",
        phase=15,
        help="Your vote; the last one counts.",
        says="votes {choice} on {topic}",
        required={"topic": _TEXT, "choice": _TEXT},
    ),
    Verb(
        name="ESCALATE",
        phase=15,
        help="Somebody has to look at a task.",
        says="escalates task {task} to {to}: {reason}",
        required={**_TASK, "to": _MEMBER, "reason": _TEXT, "severity": _SEVERITY},
    ),
    Verb(
        name="COST-REPORT",
        phase=17,
        help="What a model cost.",
        says="reports a cost",
        optional={
            "task": _NAME,
            "model": _TEXT,
            "provider": _TEXT,
            "input-tokens": _COUNT,
            "output-tokens": _COUNT,
            "total-tokens": _COUNT,
            "cost-usd": _MONEY,
        },
    ),
)
VERBS: Mapping[str, Verb] = MappingProxyType({verb.name: verb for verb in _ALL})


def verb_table() -> str:
    """Write the verbs as the Markdown table of docs/protocol.md."""
    rows = ["| Verb | Meaning | Needs | May carry |", "| --- | --- | --- | --- |"]
    for verb in _ALL:
        otherwise = "any text" if verb.has_payload else "one of the next"
        needs = _listed(verb.required) if verb.required else otherwise
        rows.append(f"| `{verb.name}` | {verb.help} | {needs} | {_listed(verb.optional)} |")
    return "\n".join(rows) + "\n"


def _listed(keys: Mapping[str, Key]) -> str:
    return ", ".join(f"`{name}` {_worded(key)}".strip() for name, key in keys.items()) or "nothing"


def _worded(key: Key) -> str:
    """Say what a key takes; nothing for a name or a text."""
    match key.kind:
        case "integer" if key.high < MAX_INTEGER:
            return f"({key.low} to {key.high})"
        case "integer":
            return "(whole number)"
        case "decimal":
            return "(amount)"
        case "choice":
            return f"({', '.join(key.choices)})"
        case "list":
            return "(a,b,c)"
        case _:
            return ""
