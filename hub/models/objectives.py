"""What a person wants done; tasks are its parts."""

from django.db import models

from hub.states import Machine

from .members import Member
from .messages import Message
from .projects import Project


class ObjectiveState(models.TextChoices):
    ACTIVE = "active", "active"
    WAITING = "waiting", "waiting for a person"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    CANCELED = "canceled", "canceled"


OBJECTIVE_STATES = Machine(
    ObjectiveState,
    {
        ObjectiveState.ACTIVE: {
            ObjectiveState.WAITING,
            ObjectiveState.SUCCEEDED,
            ObjectiveState.FAILED,
            ObjectiveState.CANCELED,
        },
        ObjectiveState.WAITING: {
            ObjectiveState.ACTIVE,
            ObjectiveState.SUCCEEDED,
            ObjectiveState.FAILED,
            ObjectiveState.CANCELED,
        },
        ObjectiveState.SUCCEEDED: set(),
        ObjectiveState.FAILED: set(),
        ObjectiveState.CANCELED: set(),
    },
)


class Objective(models.Model):
    """One wish of a person, from the sentence to the summary."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="objectives")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=80)
    prompt = models.TextField()
    state = models.CharField(
        max_length=10, choices=ObjectiveState.choices, default=ObjectiveState.ACTIVE
    )
    summary = models.TextField(blank=True)
    opened_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="objectives")
    message = models.OneToOneField(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="objective"
    )
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "objective"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="objective_number_unique"),
        ]

    def __str__(self) -> str:
        return self.title
