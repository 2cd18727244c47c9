"""What the agents' part lets out of the process."""

from datetime import datetime

from pydantic import Field

from hub.schemas import Out


class SessionOut(Out):
    number: int
    agent: str = Field(validation_alias="member_name")
    role: str
    state: str
    activity: str
    provider: str
    task: int | None = Field(validation_alias="task_number")
    summary: str
    paused_at: datetime | None


class EntryOut(Out):
    seq: int
    kind: str
    title: str
    text: str
    exit_code: int | None
    seconds: float | None
    at: datetime


class TurnOut(Out):
    """`is_new` says that the inbox is still to be read and the prompt to be made."""

    number: int
    is_new: bool
    cancel: bool = False


class HandoffOut(Out):
    """A shift change; `to` is empty until the form stands."""

    number: int
    state: str
    reason: str
    session: int = Field(validation_alias="from_session")
    agent: str = Field(validation_alias="from_name")
    to_session: int | None
    to: str = Field(validation_alias="to_name")


class AsideOut(Out):
    """A question to an agent that is gone; the answer comes into the channel."""

    session: int = Field(validation_alias="session_number")
    agent: str
    state: str


class ReservedOut(Out):
    """Tells whether the next answer is paid for; if not, `reason` says why, and the turn waits."""

    is_reserved: bool
    reason: str = ""


class TripOut(Out):
    """Which guard holds the session, and why in words; empty while none does."""

    code: str
    words: str


class PullOut(Out):
    number: int
    task: int = Field(validation_alias="task_number")
    state: str
    title: str
    summary: str
    author: str = Field(validation_alias="author_name")
    branch: str
    base_branch: str
    base_commit: str
    head_commit: str
    tree: str
    merged_commit: str
    refusal: str


class NoteOut(Out):
    path: str
    line: int
    is_old: bool
    text: str


class ReviewOut(Out):
    reviewer: str = Field(validation_alias="reviewer_name")
    verdict: str
    text: str
    tree: str
    at: datetime
