"""Limits of the providers' accounts, as they told them."""

from django.db import models


class ProviderLimit(models.Model):
    """A model that answers nobody before `until`; one row a model, for all projects."""

    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=80)
    until = models.DateTimeField()

    class Meta:
        verbose_name = "provider limit"
        constraints = [
            models.UniqueConstraint(fields=["provider", "model"], name="provider_limit_once"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model}"
