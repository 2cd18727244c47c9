"""Hand-offs: what one session leaves to the next that goes on with its work."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from hub.models import Member, Project
from hub.states import Machine

from .sessions import Session


class HandoffState(models.TextChoices):
    ASKED = "asked", "being written"
    WRITTEN = "written", "written by the agent"
    COMPOSED = "composed", "composed by Parley"
    ACKNOWLEDGED = "acknowledged", "acknowledged"
    CANCELED = "canceled", "canceled"


_STANDS = {HandoffState.WRITTEN, HandoffState.COMPOSED}

HANDOFF_STATES = Machine(
    HandoffState,
    {
        HandoffState.ASKED: {*_STANDS, HandoffState.CANCELED},
        HandoffState.WRITTEN: {HandoffState.ACKNOWLEDGED, HandoffState.CANCELED},
        HandoffState.COMPOSED: {HandoffState.ACKNOWLEDGED, HandoffState.CANCELED},
        HandoffState.ACKNOWLEDGED: set(),
        HandoffState.CANCELED: set(),
    },
)


class HandoffQuerySet(models.QuerySet["Handoff"]):
    def live(self) -> "HandoffQuerySet":
        """Keep those that are not through."""
        return self.filter(state__in=HANDOFF_STATES.live)

    def standing(self) -> "HandoffQuerySet":
        """Keep those whose form stands and which the successor has not acknowledged."""
        return self.filter(state__in=_STANDS)

    def overdue(self, now: datetime) -> "HandoffQuerySet":
        """Keep those whose form is not there in time, where work is not stopped.

        An agent that has not begun to write is waited for while it is in a turn.
        """
        late = self.filter(state=HandoffState.ASKED, deadline__lte=now)
        busy = Q(turn=None, predecessor__run__lease_until__gt=now)
        return late.exclude(busy).filter(project__paused_at=None, project__archived_at=None)


class Handoff(models.Model):
    """One shift change. `form` is a `forms.Form`, `facts` are `forms.Facts`.

    `turn` is the number of the predecessor's turn that was asked for the form, `tries` how often
    it failed. At `deadline` Parley composes the form from `facts`; `is_composed` tells that it
    did. `words` is what the successor said when it took over.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="handoffs")
    number = models.PositiveIntegerField()
    predecessor = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="handoffs")
    successor = models.OneToOneField(
        Session, null=True, blank=True, on_delete=models.SET_NULL, related_name="received"
    )
    asked_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="shift_changes")
    reason = models.CharField(max_length=200, blank=True)
    state = models.CharField(
        max_length=12, choices=HandoffState.choices, default=HandoffState.ASKED
    )
    is_composed = models.BooleanField(default=False)
    form = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    turn = models.PositiveIntegerField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    deadline = models.DateTimeField()
    words = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    stood_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = HandoffQuerySet.as_manager()

    class Meta:
        verbose_name = "hand-off"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="handoff_number_unique"),
            models.UniqueConstraint(
                fields=["predecessor"],
                condition=Q(state__in=["asked", "written", "composed"]),
                name="handoff_one_live_per_session",
            ),
            models.CheckConstraint(
                condition=Q(state="asked") | Q(state="canceled") | Q(stood_at__isnull=False),
                name="handoff_stands_with_time",
            ),
        ]

    def __str__(self) -> str:
        return f"hand-off {self.number}"

    @property
    def from_name(self) -> str:
        """Name of who hands over."""
        return self.predecessor.member.name

    @property
    def from_session(self) -> int:
        """Number of the session that hands over."""
        return self.predecessor.number

    @property
    def to_name(self) -> str:
        """Name of who takes over, or nothing."""
        return self.successor.member.name if self.successor else ""

    @property
    def to_session(self) -> int | None:
        """Number of the session that takes over."""
        return self.successor.number if self.successor else None
