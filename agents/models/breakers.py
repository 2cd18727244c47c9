"""Breakers of providers: open while too many sessions fail alike, for all projects."""

from django.db import models


class ProviderBreaker(models.Model):
    """No turn with this provider begins while `opened_at` is set.

    Failures before `closed_at` are forgiven; `error` is what the sessions had in common.
    """

    provider = models.CharField(max_length=40, unique=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = "provider breaker"

    def __str__(self) -> str:
        return self.provider
