"""What leaves the process: strict shapes of the hub's rows, and the types of common arguments."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

PRIORITIES = {"low": -3, "normal": 0, "high": 3, "critical": 6}


def _priority(value: object) -> object:
    return PRIORITIES.get(value.lower(), value) if isinstance(value, str) else value


def _names(value: object) -> object:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


Number = Annotated[int, Field(gt=0, le=2**53, description="number within the project")]
TaskRef = Annotated[
    int | Annotated[str, Field(max_length=60)], Field(description="task number or unique name")
]
TaskRefs = Annotated[
    list[TaskRef],
    BeforeValidator(_names),
    Field(min_length=1, max_length=20, description="tasks, a list or names with commas"),
]
Priority = Annotated[
    int,
    BeforeValidator(_priority),
    Field(ge=-9, le=9, description="-9 to 9, or low, normal, high, critical"),
]
ChannelRef = Annotated[
    int | Annotated[str, Field(max_length=64)], Field(description="channel number or name")
]
MemberName = Annotated[str, Field(min_length=1, max_length=33, description="a member's name")]
Line = Annotated[str, Field(max_length=160), AfterValidator(lambda text: " ".join(text.split()))]
Paragraph = Annotated[str, Field(max_length=20_000)]
LeaseS = Annotated[int, Field(ge=10, le=86_400, description="seconds until the claim lapses")]
Fence = Annotated[int, Field(ge=0, description="the fence number that the claim gave you")]
Limit = Annotated[int, Field(ge=1, le=200)]
After = Annotated[int, Field(ge=0, description="only what comes after this sequence number")]


class Out(BaseModel):
    """Base of all answers: read from rows, nothing extra."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")


class Done(Out):
    """An answer that says only that it is done."""

    done: bool = True


class ProjectOut(Out):
    id: int
    slug: str
    name: str
    repository: str
    base_branch: str
    check_command: str
    provider: str
    requires_plan: bool
    paused_at: datetime | None


class RoleSettingsOut(Out):
    """What a project has chosen for a role; empty means the default of its tier."""

    role: str
    model: str
    fallback_models: list[str]
    context_limit_tokens: int | None


class MemberOut(Out):
    name: str
    kind: str
    role: str
    retired_at: datetime | None


class TokenOut(Out):
    id: int
    label: str
    hint: str
    scopes: list[str]
    expires_at: datetime | None
    secret: str = ""


class ChannelOut(Out):
    number: int
    kind: str
    name: str
    topic: str
    archived_at: datetime | None


class MessageOut(Out):
    """`number` names the message; `reply_to` is the number of the one it answers."""

    number: int = Field(validation_alias="seq")
    channel: int = Field(validation_alias="channel_number")
    author: str = Field(validation_alias="author_name")
    text: str
    reply_to: int | None = Field(validation_alias="reply_to_number")
    posted_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    refusal: str


class ObjectiveOut(Out):
    number: int
    title: str
    prompt: str
    state: str
    summary: str


class TaskOut(Out):
    number: int
    name: str
    title: str
    state: str
    phase: str
    rounds: int
    priority: int
    holder: str = Field(validation_alias="holder_name")
    assignee: str = Field(validation_alias="assignee_name")
    lease_until: datetime | None
    fence: int
    objective: int | None = Field(validation_alias="objective_number")
    channel: int | None = Field(validation_alias="channel_number")
    stopped_at: datetime | None


class TaskDetail(TaskOut):
    brief: str
    outcome: str
    waits_for: list[int]
    why: str


class DecisionOut(Out):
    number: int
    kind: str
    state: str
    text: str
    choices: list[str]
    recommended: int | None
    default: str
    default_at: datetime | None
    asker: str = Field(validation_alias="asker_name")
    answer: str
    link: str


class ArtifactOut(Out):
    number: int
    kind: str
    title: str
    summary: str
    uri: str
    visibility: str
    author: str = Field(validation_alias="author_name")
    task: int | None = Field(validation_alias="task_number")
    objective: int | None = Field(validation_alias="objective_number")
    at: datetime


class ArtifactDetail(ArtifactOut):
    text: str


class IssueOut(Out):
    """Where it went: a message in a channel, and a question when people decide it."""

    channel: str
    message: int | None
    decision: int | None


class TroubleOut(Out):
    number: int
    severity: str
    state: str
    text: str
    subject: str
    owner: str = Field(validation_alias="owner_name")
    acknowledged_by: str = Field(validation_alias="acknowledged_by_name")
    count: int
    first_at: datetime
    last_at: datetime


class EventOut(Out):
    seq: int
    at: datetime
    name: str
    actor: str = Field(validation_alias="actor_name")
    subject: str
    cause: str
    facts: dict[str, Any]


class InboxItem(Out):
    """One thing not seen yet; `rank` 1 is addressed to you, 2 your task, 3 your project, 4 rest."""

    seq: int
    rank: int
    name: str
    actor: str
    where: str
    text: str
    facts: dict[str, Any]


class Skipped(Out):
    """What did not fit: how many, between which numbers; read them with log.read."""

    where: str
    count: int
    first_seq: int
    last_seq: int


class InboxOut(Out):
    """`upto` is what to acknowledge with inbox.ack once you have read this."""

    after: int
    upto: int
    items: list[InboxItem]
    skipped: list[Skipped]


class Sentence(Out):
    """An answer in words."""

    text: str


class HelpOut(Out):
    text: str
    actions: list[str]


class BudgetOut(Out):
    """A cap and what is used of it, in micro-USD; `of` is empty for the project's."""

    scope: str
    of: str
    title: str
    cap_micro_usd: int
    spent_micro_usd: int
    reserved_micro_usd: int
    left_micro_usd: int
