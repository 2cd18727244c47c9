"""Where a team talks."""

from django.db import models
from django.db.models import Q

from .members import Member
from .projects import Project


class ChannelKind(models.TextChoices):
    PROJECT = "project", "project"
    STANDUP = "standup", "standup"
    WORK = "work", "work"
    ERRORS = "errors", "errors"
    LOBBY = "lobby", "lobby"
    DIRECT = "direct", "direct"


class ChannelQuerySet(models.QuerySet["Channel"]):
    def visible_to(self, member_id: int) -> "ChannelQuerySet":
        """Keep the channels that a member may read: all but other people's direct ones."""
        mine = ChannelMember.objects.filter(member_id=member_id).values("channel_id")
        return self.filter(~Q(kind=ChannelKind.DIRECT) | Q(pk__in=mine))


class Channel(models.Model):
    """A named conversation of a project, numbered within it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="channels")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=ChannelKind.choices)
    name = models.CharField(max_length=64)
    topic = models.CharField(max_length=300, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = ChannelQuerySet.as_manager()

    class Meta:
        verbose_name = "channel"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="channel_number_unique"),
            models.UniqueConstraint(fields=["project", "name"], name="channel_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name

    def is_visible_to(self, member_id: int) -> bool:
        """Tell whether a member may read it: everybody, or the two of a direct one."""
        if self.kind != ChannelKind.DIRECT:
            return True
        return self.participants.filter(member_id=member_id).exists()


class ChannelMember(models.Model):
    """A participant of a direct channel."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="participants")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="direct_channels")

    class Meta:
        verbose_name = "participant"
        constraints = [
            models.UniqueConstraint(fields=["channel", "member"], name="participant_once"),
        ]

    def __str__(self) -> str:
        return f"member {self.member_id} in channel {self.channel_id}"


class ReadMark(models.Model):
    """How far a member has read a channel: the number of the last message seen."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="read_marks")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="read_marks")
    seq = models.BigIntegerField()

    class Meta:
        verbose_name = "read mark"
        constraints = [
            models.UniqueConstraint(fields=["channel", "member"], name="read_mark_once"),
        ]

    def __str__(self) -> str:
        return f"member {self.member_id} read channel {self.channel_id} to {self.seq}"
