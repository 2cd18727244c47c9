"""Rows of the programs that do the work."""

from .asides import ASIDE_STATES, Aside, AsideKind, AsideState
from .breakers import ProviderBreaker
from .handoffs import HANDOFF_STATES, Handoff, HandoffState
from .limits import ProviderLimit
from .pulls import PULL_STATES, Note, PullRequest, PullState, Review, Verdict
from .sessions import (
    SESSION_STATES,
    CallState,
    Session,
    SessionState,
    Step,
    ToolCall,
    Turn,
    TurnState,
)
from .targets import Target, TargetState
from .transcripts import Entry, EntryKind
from .workspaces import WORKSPACE_STATES, Workspace, WorkspaceState

__all__ = [
    "ASIDE_STATES",
    "HANDOFF_STATES",
    "PULL_STATES",
    "SESSION_STATES",
    "WORKSPACE_STATES",
    "Aside",
    "AsideKind",
    "AsideState",
    "CallState",
    "Entry",
    "EntryKind",
    "Handoff",
    "HandoffState",
    "Note",
    "ProviderBreaker",
    "ProviderLimit",
    "PullRequest",
    "PullState",
    "Review",
    "Session",
    "SessionState",
    "Step",
    "Target",
    "TargetState",
    "ToolCall",
    "Turn",
    "TurnState",
    "Verdict",
    "Workspace",
    "WorkspaceState",
]
