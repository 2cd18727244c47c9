"""Machines that run sessions."""

from django.db import models


class TargetState(models.TextChoices):
    ONLINE = "online", "online"
    DRAINING = "draining", "takes nothing new"
    DISABLED = "disabled", "disabled"


class Target(models.Model):
    """A worker host: its Celery queue is `sessions.<name>`, its checkouts live on its disk.

    `is_contained` is None until the host has said whether it contains agents' commands;
    `containment` says in words what holds them.
    """

    name = models.SlugField(max_length=40, unique=True)
    state = models.CharField(max_length=10, choices=TargetState.choices, default=TargetState.ONLINE)
    slots = models.PositiveSmallIntegerField(default=4)
    is_contained = models.BooleanField(null=True)
    containment = models.CharField(max_length=400, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "target"

    def __str__(self) -> str:
        return self.name
