"""The fence of a running session: whoever carries an old epoch writes nothing."""

from datetime import datetime

from django.db import models

from .members import Member


class RunQuerySet(models.QuerySet["Run"]):
    def lease_over(self, now: datetime) -> "RunQuerySet":
        """Keep the runs that somebody leased and did not renew in time."""
        return self.filter(lease_until__lte=now, ended_at=None)


class Run(models.Model):
    """One agent's run. Taking it over raises `epoch`; `lease_until` is None between turns."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="runs")
    epoch = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name = "run"

    def __str__(self) -> str:
        return f"run {self.pk} epoch {self.epoch}"
