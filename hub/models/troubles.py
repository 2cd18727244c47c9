"""What went wrong in a project, once however often it happens, until somebody has dealt with it."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from hub.states import Machine

from .decisions import Decision
from .members import Member
from .messages import Message
from .projects import Project


class Severity(models.TextChoices):
    WARNING = "warning", "warning"
    ERROR = "error", "error"
    CRITICAL = "critical", "critical"


class TroubleState(models.TextChoices):
    OPEN = "open", "not acknowledged"
    ACKNOWLEDGED = "acknowledged", "acknowledged"
    RESOLVED = "resolved", "resolved"


TROUBLE_STATES = Machine(
    TroubleState,
    {
        TroubleState.OPEN: {TroubleState.ACKNOWLEDGED, TroubleState.RESOLVED},
        TroubleState.ACKNOWLEDGED: {TroubleState.RESOLVED},
        TroubleState.RESOLVED: set(),
    },
)


class TroubleQuerySet(models.QuerySet["Trouble"]):
    def unresolved(self) -> "TroubleQuerySet":
        """Keep what nobody has resolved yet."""
        return self.filter(state__in=TROUBLE_STATES.live)

    def unheard(self, before: datetime) -> "TroubleQuerySet":
        """Keep what nobody has acknowledged since a moment, and of which no person was told."""
        return self.filter(state=TroubleState.OPEN, first_at__lte=before, pinged_at=None)


class Trouble(models.Model):
    """One kind of trouble. `digest` is what makes two reports the same; repeats raise `count`.

    `subject` is a kind and a number ("session:3"), `message` the one post in the errors channel,
    `decision` the card by which the people were told because nobody acknowledged it in time.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="troubles")
    number = models.PositiveIntegerField()
    severity = models.CharField(max_length=10, choices=Severity.choices)
    state = models.CharField(max_length=14, choices=TroubleState.choices, default=TroubleState.OPEN)
    owner = models.ForeignKey(
        Member, null=True, blank=True, on_delete=models.PROTECT, related_name="troubles"
    )
    reporter = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="reported")
    text = models.TextField()
    subject = models.CharField(max_length=40, blank=True)
    digest = models.CharField(max_length=64)
    count = models.PositiveIntegerField(default=1)
    message = models.OneToOneField(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="trouble"
    )
    decision = models.OneToOneField(
        Decision, null=True, blank=True, on_delete=models.SET_NULL, related_name="trouble"
    )
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    pinged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        Member, null=True, blank=True, on_delete=models.PROTECT, related_name="acknowledged"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        Member, null=True, blank=True, on_delete=models.PROTECT, related_name="resolved"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=500, blank=True)

    objects = TroubleQuerySet.as_manager()

    class Meta:
        verbose_name = "trouble"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="trouble_number_unique"),
            models.UniqueConstraint(
                fields=["project", "digest"],
                condition=~Q(state="resolved"),
                name="trouble_one_unresolved_per_digest",
            ),
            models.CheckConstraint(
                condition=~Q(state="resolved") | Q(resolved_at__isnull=False),
                name="trouble_resolved_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["first_at"],
                condition=Q(state="open", pinged_at=None),
                name="trouble_unheard",
            ),
        ]

    def __str__(self) -> str:
        return f"trouble {self.number}"

    @property
    def owner_name(self) -> str:
        """Name of who is to deal with it, or nothing."""
        return self.owner.name if self.owner else ""

    @property
    def acknowledged_by_name(self) -> str:
        """Name of who has acknowledged it, or nothing."""
        return self.acknowledged_by.name if self.acknowledged_by else ""
