"""Who takes part in a project, and the tokens that prove it."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from .projects import Project


class MemberKind(models.TextChoices):
    PERSON = "person", "person"
    AGENT = "agent", "agent"
    HUB = "hub", "Parley itself"


class Member(models.Model):
    """A person or an agent in one project; names are unique there, whatever their case."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    kind = models.CharField(max_length=10, choices=MemberKind.choices)
    name = models.CharField(max_length=32)
    role = models.CharField(max_length=24)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="members",
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "member"
        constraints = [
            models.UniqueConstraint(
                "project", Lower("name"), condition=Q(retired_at=None), name="member_name_unique"
            ),
            models.UniqueConstraint(
                fields=["project", "user"],
                condition=Q(user__isnull=False),
                name="member_once_per_user",
            ),
            models.UniqueConstraint(
                fields=["project"], condition=Q(kind="hub"), name="member_one_hub"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Presence(models.Model):
    """What a member does now, in words; a guarded update, not an event."""

    member = models.OneToOneField(
        Member, on_delete=models.CASCADE, primary_key=True, related_name="presence"
    )
    state = models.CharField(max_length=12, default="away")
    note = models.CharField(max_length=200, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name = "presence"

    def __str__(self) -> str:
        return f"member {self.member_id}: {self.state}"


class TokenQuerySet(models.QuerySet["Token"]):
    def valid(self, now: datetime) -> "TokenQuerySet":
        """Keep the tokens that are neither revoked nor over."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class Token(models.Model):
    """A bearer token: only its SHA-256 is stored; it is shown once."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="tokens")
    label = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(
        max_length=8, help_text="the token's last characters, to tell them apart"
    )
    scopes = models.JSONField(default=list, help_text="capabilities; never more than the role's")
    run = models.ForeignKey("hub.Run", null=True, blank=True, on_delete=models.CASCADE)
    epoch = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = "token"

    def __str__(self) -> str:
        return f"{self.label} …{self.hint}"
