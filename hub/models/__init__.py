"""Rows of the hub, one file a concept."""

from .artifacts import Artifact, ArtifactKind, Visibility
from .channels import Channel, ChannelKind, ChannelMember, ReadMark
from .costs import CHARGE_STATES, Budget, BudgetScope, Charge, ChargeState
from .decisions import DECISION_STATES, Decision, DecisionKind, DecisionState
from .events import Cursor, Event, StoredCall
from .members import Member, MemberKind, Presence, Token
from .messages import Message, Reaction
from .objectives import OBJECTIVE_STATES, Objective, ObjectiveState
from .projects import HOUSE, Project, ProjectClock, RoleSettings
from .runs import Run
from .tasks import TASK_STATES, Task, TaskDependency, TaskState
from .troubles import TROUBLE_STATES, Severity, Trouble, TroubleState
from .users import User

__all__ = [
    "CHARGE_STATES",
    "DECISION_STATES",
    "HOUSE",
    "OBJECTIVE_STATES",
    "TASK_STATES",
    "TROUBLE_STATES",
    "Artifact",
    "ArtifactKind",
    "Budget",
    "BudgetScope",
    "Channel",
    "ChannelKind",
    "ChannelMember",
    "Charge",
    "ChargeState",
    "Cursor",
    "Decision",
    "DecisionKind",
    "DecisionState",
    "Event",
    "Member",
    "MemberKind",
    "Message",
    "Objective",
    "ObjectiveState",
    "Presence",
    "Project",
    "ProjectClock",
    "Reaction",
    "ReadMark",
    "RoleSettings",
    "Run",
    "Severity",
    "StoredCall",
    "Task",
    "TaskDependency",
    "TaskState",
    "Token",
    "Trouble",
    "TroubleState",
    "User",
    "Visibility",
]
