"""Questions beside the turns: to agents that are gone, and about agents that seem to wait."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from hub.models import HOUSE, Channel, Member, Message, Project
from hub.states import Machine

from .sessions import Session


class AsideKind(models.TextChoices):
    RECALL = "recall", "what a gone agent knew"
    JUDGE = "judge", "whether an agent is busy, idle or stuck"


class AsideState(models.TextChoices):
    ASKED = "asked", "waiting for a worker"
    ANSWERED = "answered", "answered"
    FAILED = "failed", "not answered"


ASIDE_STATES = Machine(
    AsideState,
    {
        AsideState.ASKED: {AsideState.ANSWERED, AsideState.FAILED},
        AsideState.ANSWERED: set(),
        AsideState.FAILED: set(),
    },
)


class AsideQuerySet(models.QuerySet["Aside"]):
    def claimable(self, now: datetime) -> "AsideQuerySet":
        """Keep what waits for a worker and that none works on, where work is not stopped."""
        free = Q(claimed_until=None) | Q(claimed_until__lte=now)
        rows = self.filter(free, state=AsideState.ASKED)
        if Project.objects.filter(pk=HOUSE, paused_at__isnull=False).exists():
            return rows.none()
        return rows.filter(project__paused_at=None, project__archived_at=None)


class Aside(models.Model):
    """One question to a session that is over, or about one that lives. `claimed_until` is the
    lease of the job that answers it, `attempt` its fence.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="asides")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="asides")
    asker = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="asides")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="asides")
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="asides"
    )
    kind = models.CharField(max_length=10, choices=AsideKind.choices, default=AsideKind.RECALL)
    question = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=AsideState.choices, default=AsideState.ASKED)
    answer = models.TextField(blank=True)
    model = models.CharField(max_length=80, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = AsideQuerySet.as_manager()

    class Meta:
        verbose_name = "question beside the turns"
        verbose_name_plural = "questions beside the turns"

    def __str__(self) -> str:
        return f"question {self.pk} on session {self.session_id}"

    @property
    def agent(self) -> str:
        """Name of who is asked."""
        return self.session.member.name

    @property
    def session_number(self) -> int:
        """Number of the session that is asked."""
        return self.session.number
