"""Checkouts: one per task, with one writer at a time."""

from django.db import models
from django.db.models import Q

from hub.models import Project, Run, Task
from hub.states import Machine

from .targets import Target


class WorkspaceState(models.TextChoices):
    PREPARING = "preparing", "being prepared"
    READY = "ready", "ready"
    ARCHIVED = "archived", "archived"
    FAILED = "failed", "failed"


WORKSPACE_STATES = Machine(
    WorkspaceState,
    {
        WorkspaceState.PREPARING: {WorkspaceState.READY, WorkspaceState.FAILED},
        WorkspaceState.READY: {WorkspaceState.ARCHIVED},
        WorkspaceState.FAILED: {WorkspaceState.PREPARING, WorkspaceState.ARCHIVED},
        WorkspaceState.ARCHIVED: set(),
    },
)


class Workspace(models.Model):
    """A task's clone on a target's disk; `writer` is the run that may change it now.

    It stands on the disk until `removed_at`. `discarded_at` is when a person or a manager gave up
    what is in it; `kept_because` says why a checkout that is over stays, as of `looked_at`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="workspaces")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="workspaces")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="workspaces")
    state = models.CharField(
        max_length=10, choices=WorkspaceState.choices, default=WorkspaceState.PREPARING
    )
    path = models.CharField(max_length=500)
    branch = models.CharField(max_length=120)
    base_branch = models.CharField(max_length=120)
    base_commit = models.CharField(max_length=64, blank=True)
    writer = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="writes_in"
    )
    kept_because = models.CharField(max_length=200, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    discarded_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "workspace"
        constraints = [
            models.UniqueConstraint(
                fields=["task"], condition=~Q(state="archived"), name="workspace_one_live_per_task"
            ),
        ]

    def __str__(self) -> str:
        return self.branch
