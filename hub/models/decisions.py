"""What a person decides: questions and reviews now, more kinds as they come."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from hub.states import Machine

from .channels import Channel
from .members import Member
from .messages import Message
from .objectives import Objective
from .projects import Project
from .tasks import Task


class DecisionKind(models.TextChoices):
    QUESTION = "question", "question"
    REVIEW = "review", "review"
    BUDGET = "budget", "budget"
    BRAKE = "brake", "brake"
    ESCALATION = "escalation", "escalation"


class DecisionState(models.TextChoices):
    OPEN = "open", "waiting for an answer"
    ANSWERED = "answered", "answered"
    CANCELED = "canceled", "withdrawn"


DECISION_STATES = Machine(
    DecisionState,
    {
        DecisionState.OPEN: {DecisionState.ANSWERED, DecisionState.CANCELED},
        DecisionState.ANSWERED: set(),
        DecisionState.CANCELED: set(),
    },
)


class DecisionQuerySet(models.QuerySet["Decision"]):
    def open(self) -> "DecisionQuerySet":
        """Keep what still waits for a person."""
        return self.filter(state=DecisionState.OPEN)

    def due(self, now: datetime) -> "DecisionQuerySet":
        """Keep the open ones whose default applies by now."""
        return self.open().filter(default_at__lte=now, default__gt="")


class Decision(models.Model):
    """One thing that waits for a person. `choices` is a list of strings, numbered from 1.

    `link` is a path of this site where more is to be seen; `default` is applied at `default_at`.
    `effects` says what each choice does, as `{"action", "payload"}` or None: it is done in the
    name of who answers, with their rights.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="decisions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=DecisionKind.choices)
    state = models.CharField(
        max_length=10, choices=DecisionState.choices, default=DecisionState.OPEN
    )
    asker = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="asked")
    text = models.TextField()
    html = models.TextField()
    context = models.TextField(blank=True)
    choices = models.JSONField(default=list)
    effects = models.JSONField(default=list)
    recommended = models.PositiveSmallIntegerField(null=True, blank=True)
    default = models.CharField(max_length=500, blank=True)
    default_at = models.DateTimeField(null=True, blank=True)
    objective = models.ForeignKey(Objective, null=True, blank=True, on_delete=models.SET_NULL)
    task = models.ForeignKey(
        Task, null=True, blank=True, on_delete=models.SET_NULL, related_name="decisions"
    )
    channel = models.ForeignKey(Channel, null=True, blank=True, on_delete=models.SET_NULL)
    message = models.OneToOneField(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="decision"
    )
    link = models.CharField(max_length=200, blank=True)
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(
        Member, null=True, blank=True, on_delete=models.PROTECT, related_name="answered"
    )
    answered_via = models.CharField(max_length=20, blank=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = "decision"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="decision_number_unique"),
            models.CheckConstraint(
                condition=~Q(state="answered") | Q(answered_at__isnull=False),
                name="decision_answered_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["project"], condition=Q(state="open"), name="decision_open"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"

    @property
    def asker_name(self) -> str:
        """Name of who asks."""
        return self.asker.name
