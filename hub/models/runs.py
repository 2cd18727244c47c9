"""The fence of a running session: whoever carries an old epoch writes nothing."""

from django.db import models

from .members import Member


class Run(models.Model):
    """One agent's run. Taking it over raises `epoch`; `lease_until` is None between turns."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="runs")
    epoch = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "run"

    def __str__(self) -> str:
        return f"run {self.pk} epoch {self.epoch}"

    @classmethod
    def fenced(cls, pk: int) -> "Run":
        """Load a run that nobody takes over until this transaction ends: a claim skips it."""
        return cls.objects.raw("SELECT * FROM hub_run WHERE id = %s FOR KEY SHARE", [pk])[0]
