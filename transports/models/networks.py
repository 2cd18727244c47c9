"""Networks: accounts on other chat servers, each owned by one process at a time."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from hub.models import Project
from hub.states import Machine


class NetworkState(models.TextChoices):
    CONNECTING = "connecting", "connecting"
    CONNECTED = "connected", "connected"
    WAITING = "waiting", "waiting for the server"
    REFUSED = "refused", "refused by the server"
    STOPPED = "stopped", "not running"


_ANY = set(NetworkState)
NETWORK_STATES = Machine(NetworkState, {state: _ANY - {state} for state in NetworkState})


class NetworkQuerySet(models.QuerySet["Network"]):
    def wanted(self) -> "NetworkQuerySet":
        """Keep those that are to run."""
        return self.filter(paused_at=None, project__archived_at=None)

    def free(self, owner: str, now: datetime) -> "NetworkQuerySet":
        """Keep those that nobody else holds."""
        mine = Q(owner=owner) | Q(lease_until=None) | Q(lease_until__lte=now)
        return self.wanted().filter(mine)


class Network(models.Model):
    """One account of a project on a chat server.

    `secrets` are encrypted (`transports.vault`). `owner` holds it until `lease_until`; `epoch`
    grows with each owner and fences what an old one still writes. `cursor` is how far it was read.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="networks")
    name = models.SlugField(max_length=20)
    kind = models.CharField(max_length=20)
    config = models.JSONField(default=dict)
    secrets = models.TextField(blank=True)
    state = models.CharField(
        max_length=12, choices=NetworkState.choices, default=NetworkState.STOPPED
    )
    state_why = models.CharField(max_length=300, blank=True)
    state_since = models.DateTimeField()
    owner = models.CharField(max_length=80, blank=True)
    epoch = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    cursor = models.TextField(null=True, blank=True)  # noqa: DJ001 - None is "never read"
    heard_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = NetworkQuerySet.as_manager()

    class Meta:
        verbose_name = "network"
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="network_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name
