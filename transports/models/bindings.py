"""Bindings: a channel that is mirrored in a room of a network."""

from django.db import models

from hub.models import Channel

from .networks import Network


class Binding(models.Model):
    """A channel and its room. `cursor` is how far of the log its lane has made deliveries.

    While `held_until` lies ahead the lane waits, for `held_why`.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="bindings")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="bindings")
    room = models.CharField(max_length=250)
    takes_guests = models.BooleanField(default=True)
    cursor = models.BigIntegerField()
    held_until = models.DateTimeField(null=True, blank=True)
    held_why = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "binding"
        constraints = [
            models.UniqueConstraint(fields=["network", "channel"], name="binding_channel_once"),
            models.UniqueConstraint(fields=["network", "room"], name="binding_room_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} in {self.room}"

    @property
    def network_name(self) -> str:
        """Name of its network."""
        return self.network.name

    @property
    def channel_number(self) -> int:
        """Number of its channel."""
        return self.channel.number
