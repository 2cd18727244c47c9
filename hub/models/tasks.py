"""Work items: who holds them, until when, and what they wait for."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from hub.states import Machine

from .channels import Channel
from .members import Member
from .objectives import Objective
from .projects import Project


class TaskState(models.TextChoices):
    OPEN = "open", "open"
    CLAIMED = "claimed", "claimed"
    DONE = "done", "done"
    DROPPED = "dropped", "dropped"


TASK_STATES = Machine(
    TaskState,
    {
        TaskState.OPEN: {TaskState.CLAIMED, TaskState.DROPPED},
        TaskState.CLAIMED: {TaskState.OPEN, TaskState.DONE, TaskState.DROPPED},
        TaskState.DONE: set(),
        TaskState.DROPPED: set(),
    },
)


class TaskQuerySet(models.QuerySet["Task"]):
    def lease_over(self, now: datetime) -> "TaskQuerySet":
        """Keep the claimed tasks whose lease has run out."""
        return self.filter(state=TaskState.CLAIMED, lease_until__lte=now)

    def live(self) -> "TaskQuerySet":
        """Keep the tasks that are not finished."""
        return self.filter(state__in=TASK_STATES.live)


class Task(models.Model):
    """One piece of work. `fence` rises with every claim; a write with an older one is refused.

    `stopped_at` is when its rounds of fixing were used up: it moves on when a person says how.
    `extra_rounds` are those that people have allowed beyond the workflow's.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tasks")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=60)
    title = models.CharField(max_length=160)
    brief = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=TaskState.choices, default=TaskState.OPEN)
    phase = models.CharField(max_length=16, blank=True)
    rounds = models.PositiveSmallIntegerField(default=0)
    extra_rounds = models.PositiveSmallIntegerField(default=0)
    stopped_at = models.DateTimeField(null=True, blank=True)
    priority = models.SmallIntegerField(default=0)
    objective = models.ForeignKey(
        Objective, null=True, blank=True, on_delete=models.SET_NULL, related_name="tasks"
    )
    assignee = models.ForeignKey(
        Member, null=True, blank=True, on_delete=models.PROTECT, related_name="assigned_tasks"
    )
    holder = models.ForeignKey(
        Member, null=True, blank=True, on_delete=models.PROTECT, related_name="held_tasks"
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    channel = models.OneToOneField(
        Channel, null=True, blank=True, on_delete=models.SET_NULL, related_name="task"
    )
    opened_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="opened_tasks")
    outcome = models.TextField(blank=True)
    opened_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = "task"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="task_number_unique"),
            models.UniqueConstraint(fields=["project", "name"], name="task_name_unique"),
            models.CheckConstraint(
                condition=~Q(state="claimed") | Q(holder__isnull=False, lease_until__isnull=False),
                name="task_claimed_has_holder_and_lease",
            ),
            models.CheckConstraint(
                condition=Q(state="claimed") | Q(holder=None, lease_until=None),
                name="task_unclaimed_has_no_holder",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "state"], name="task_by_state"),
            models.Index(
                fields=["lease_until"], condition=Q(state="claimed"), name="task_by_lease"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.name}"

    @property
    def holder_name(self) -> str:
        """Name of who holds it, or nothing."""
        return self.holder.name if self.holder else ""

    @property
    def assignee_name(self) -> str:
        """Name of whom it is meant for, or nothing."""
        return self.assignee.name if self.assignee else ""

    @property
    def objective_number(self) -> int | None:
        """Number of the objective it is part of."""
        return self.objective.number if self.objective else None

    @property
    def channel_number(self) -> int | None:
        """Number of its work channel."""
        return self.channel.number if self.channel else None


class TaskDependency(models.Model):
    """`task` waits for `blocker` until `resolved_at` is set."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="dependencies")
    blocker = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="dependents")
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "dependency"
        constraints = [
            models.UniqueConstraint(fields=["task", "blocker"], name="dependency_once"),
            models.CheckConstraint(
                condition=~Q(task=F("blocker")), name="dependency_not_on_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"task {self.task_id} waits for task {self.blocker_id}"
