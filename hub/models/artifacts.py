"""What work leaves behind on purpose: notes, files, patches, reports. Written once."""

from django.db import models

from .members import Member
from .objectives import Objective
from .projects import Project
from .tasks import Task


class ArtifactKind(models.TextChoices):
    NOTE = "note", "note"
    FILE = "file", "file"
    PATCH = "patch", "patch"
    REPORT = "report", "report"
    BENCHMARK = "benchmark", "benchmark"
    BUILD = "build", "build output"
    OTHER = "other", "other"


class Visibility(models.TextChoices):
    PRIMARY = "primary", "a result"
    SECONDARY = "secondary", "on the way"
    DEBUG = "debug", "for debugging"


class Artifact(models.Model):
    """One lasting result. Nothing makes one by itself: what a program prints is none.

    It has its content as `text`, or says by `uri` where it lies.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="artifacts")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=ArtifactKind.choices)
    title = models.CharField(max_length=160)
    summary = models.TextField(blank=True)
    text = models.TextField(blank=True)
    uri = models.CharField(max_length=500, blank=True)
    visibility = models.CharField(
        max_length=10, choices=Visibility.choices, default=Visibility.PRIMARY
    )
    objective = models.ForeignKey(
        Objective, null=True, blank=True, on_delete=models.SET_NULL, related_name="artifacts"
    )
    task = models.ForeignKey(
        Task, null=True, blank=True, on_delete=models.SET_NULL, related_name="artifacts"
    )
    author = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="artifacts")
    at = models.DateTimeField()

    class Meta:
        verbose_name = "artifact"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="artifact_number_unique"),
        ]
        indexes = [models.Index(fields=["task"], name="artifact_by_task")]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"

    @property
    def author_name(self) -> str:
        """Name of who left it."""
        return self.author.name

    @property
    def task_number(self) -> int | None:
        """Number of the task it belongs to."""
        return self.task.number if self.task else None

    @property
    def objective_number(self) -> int | None:
        """Number of the objective it belongs to."""
        return self.objective.number if self.objective else None
