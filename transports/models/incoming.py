"""What came in from networks: stored as it came, then taken into the project once."""

from django.db import models
from django.db.models import Q

from hub.models import Message

from .networks import Network


class IncomingState(models.TextChoices):
    NEW = "new", "not looked at"
    TAKEN = "taken", "taken in"
    ECHO = "echo", "our own"
    IGNORED = "ignored", "ignored"
    FAILED = "failed", "failed"


class Incoming(models.Model):
    """One event as the network told it; `event` is `transports.base.InEvent` as JSON."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="incoming")
    kind = models.CharField(max_length=8)
    room = models.CharField(max_length=250)
    remote_id = models.CharField(max_length=250)
    event = models.JSONField()
    state = models.CharField(max_length=8, choices=IncomingState.choices, default=IncomingState.NEW)
    why = models.CharField(max_length=300, blank=True)
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="incoming"
    )
    arrived_at = models.DateTimeField()

    class Meta:
        verbose_name = "incoming event"
        constraints = [
            models.UniqueConstraint(fields=["network", "kind", "remote_id"], name="incoming_once"),
        ]
        indexes = [
            models.Index(fields=["network", "id"], condition=Q(state="new"), name="incoming_new"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.remote_id}"


class Gap(models.Model):
    """Something of a room may be missing and cannot be read any more."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="gaps")
    room = models.CharField(max_length=250)
    why = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "gap"

    def __str__(self) -> str:
        return f"{self.room}: {self.why}"
