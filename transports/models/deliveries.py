"""Deliveries: what a lane has to send, one after the other, and what became of each part."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from hub.models import Member, Message
from hub.states import Machine

from .bindings import Binding
from .networks import Network


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "waiting"
    SENDING = "sending", "being sent"
    SENT = "sent", "sent"
    UNCONFIRMED = "unconfirmed", "not confirmed"
    DEAD = "dead", "given up"


DELIVERY_STATES = Machine(
    DeliveryState,
    {
        DeliveryState.WAITING: {
            DeliveryState.SENDING,
            DeliveryState.SENT,
            DeliveryState.DEAD,
        },
        DeliveryState.SENDING: {
            DeliveryState.WAITING,
            DeliveryState.SENT,
            DeliveryState.UNCONFIRMED,
            DeliveryState.DEAD,
        },
        DeliveryState.UNCONFIRMED: {DeliveryState.WAITING},
        DeliveryState.DEAD: {DeliveryState.WAITING},
        DeliveryState.SENT: set(),
    },
)


class DeliveryKind(models.TextChoices):
    POST = "post", "message"
    EDIT = "edit", "edit"
    DELETE = "delete", "deletion"
    REACT = "react", "reaction"
    UNREACT = "unreact", "reaction taken back"


class Delivery(models.Model):
    """One event of the log that a room is to see. `op` is its id for ever, also when resent.

    `text` is kept as it was, so that what is sent twice is the same. `sending` is the part of
    which it is not known whether the network has it. `late_s` is fixed at the first try.
    """

    binding = models.ForeignKey(Binding, on_delete=models.CASCADE, related_name="deliveries")
    seq = models.BigIntegerField()
    op = models.UUIDField(default=uuid4, unique=True)
    kind = models.CharField(max_length=8, choices=DeliveryKind.choices)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    speaker = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="deliveries")
    text = models.TextField(blank=True)
    emoji = models.CharField(max_length=32, blank=True)
    state = models.CharField(
        max_length=12, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    sending = models.PositiveSmallIntegerField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    late_s = models.FloatField(default=0)
    error = models.CharField(max_length=300, blank=True)
    said_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["binding", "seq"], name="delivery_once"),
        ]
        indexes = [
            models.Index(
                fields=["binding", "seq"],
                condition=Q(state__in=["waiting", "sending"]),
                name="delivery_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq}"


class Piece(models.Model):
    """A part of a message as a network knows it: sent by us, or, without `delivery`, taken in."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="pieces")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="pieces")
    delivery = models.ForeignKey(
        Delivery, null=True, blank=True, on_delete=models.CASCADE, related_name="pieces"
    )
    number = models.PositiveSmallIntegerField(default=0)
    remote_id = models.CharField(max_length=250, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "piece"
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="piece_once"),
            models.UniqueConstraint(
                fields=["network", "remote_id"],
                condition=~Q(remote_id=""),
                name="piece_remote_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_id}.{self.number}"
