"""Chat messages and reactions."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from .channels import Channel
from .members import Member
from .projects import Project


class MessageQuerySet(models.QuerySet["Message"]):
    def half_handled(self, now: datetime) -> "MessageQuerySet":
        """Keep the messages whose commands a crash may have left undone."""
        return self.filter(handled_at=None, posted_at__lt=now - timedelta(seconds=2))


class Message(models.Model):
    """One message. `seq` is the number of its event and names it within the project.

    `origin` and `external_id` say where it came from; the pair is taken in once.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="messages")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="messages")
    author = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="messages")
    seq = models.BigIntegerField()
    text = models.TextField()
    html = models.TextField()
    reply_to = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replies"
    )
    origin = models.CharField(max_length=20, default="web")
    external_id = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - None is "no id"
    scopes = models.JSONField(default=list, help_text="what the author could do when it was posted")
    refusal = models.TextField(blank=True, help_text="why a command in it was refused")
    posted_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = "message"
        constraints = [
            models.UniqueConstraint(fields=["project", "seq"], name="message_seq_unique"),
            models.UniqueConstraint(
                fields=["project", "origin", "external_id"],
                condition=Q(external_id__isnull=False),
                name="message_taken_in_once",
            ),
        ]
        indexes = [
            models.Index(fields=["channel", "seq"], name="message_by_channel"),
            models.Index(
                fields=["posted_at"], condition=Q(handled_at=None), name="message_half_handled"
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.seq}"

    @property
    def channel_number(self) -> int:
        """Number of the channel it stands in."""
        return self.channel.number

    @property
    def author_name(self) -> str:
        """Name of who said it."""
        return self.author.name

    @property
    def reply_to_number(self) -> int | None:
        """Number of the message it answers."""
        return self.reply_to.seq if self.reply_to else None


class Reaction(models.Model):
    """One member's reaction to a message."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="reactions")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="reactions")
    emoji = models.CharField(max_length=32)

    class Meta:
        verbose_name = "reaction"
        constraints = [
            models.UniqueConstraint(fields=["message", "member", "emoji"], name="reaction_once"),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} on message {self.message_id}"
