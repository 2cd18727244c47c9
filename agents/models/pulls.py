"""Pull requests of the local forge, their reviews and line notes."""

from datetime import datetime

from django.db import models
from django.db.models import Exists, Q

from hub.models import HOUSE, Decision, Member, Project, Task
from hub.states import Machine

from .workspaces import Workspace


class PullState(models.TextChoices):
    PREPARING = "preparing", "being prepared"
    OPEN = "open", "open"
    MERGING = "merging", "being merged"
    MERGED = "merged", "merged"
    CLOSED = "closed", "closed"


PULL_STATES = Machine(
    PullState,
    {
        PullState.PREPARING: {PullState.OPEN, PullState.CLOSED},
        PullState.OPEN: {PullState.PREPARING, PullState.MERGING, PullState.CLOSED},
        PullState.MERGING: {PullState.OPEN, PullState.MERGED},
        PullState.MERGED: set(),
        PullState.CLOSED: set(),
    },
)


class PullQuerySet(models.QuerySet["PullRequest"]):
    def claimable(self, now: datetime) -> "PullQuerySet":
        """Keep what waits for a worker, and that none works on; nothing while all is stopped."""
        stopped = Project.objects.filter(pk=HOUSE, paused_at__isnull=False)
        free = Q(claimed_until=None) | Q(claimed_until__lte=now)
        return self.filter(
            free, ~Exists(stopped), state__in=[PullState.PREPARING, PullState.MERGING]
        )


class PullRequest(models.Model):
    """A change that asks to be merged. Approval binds to (`base_commit`, `tree`).

    `claimed_until` is the lease of the job that prepares or merges it, `attempt` its fence,
    `worker` the job's process (agents.workers).
    `publishing` is the commit that a job was about to bring into the base branch: after a crash
    the next one looks whether it is there.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="pulls")
    number = models.PositiveIntegerField()
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="pulls")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="pulls")
    opened_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="opened_pulls")
    state = models.CharField(max_length=10, choices=PullState.choices, default=PullState.PREPARING)
    title = models.CharField(max_length=160)
    summary = models.TextField(blank=True)
    branch = models.CharField(max_length=120)
    base_branch = models.CharField(max_length=120)
    base_commit = models.CharField(max_length=64, blank=True)
    head_commit = models.CharField(max_length=64, blank=True)
    tree = models.CharField(max_length=64, blank=True)
    merged_commit = models.CharField(max_length=64, blank=True)
    check_output = models.TextField(blank=True)
    check_exit_code = models.SmallIntegerField(null=True, blank=True)
    refusal = models.TextField(blank=True, help_text="why the last merge did not happen")
    decision = models.OneToOneField(
        Decision, null=True, blank=True, on_delete=models.SET_NULL, related_name="pull"
    )
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    publishing = models.CharField(max_length=64, blank=True)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = PullQuerySet.as_manager()

    class Meta:
        verbose_name = "pull request"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="pull_number_unique"),
            models.UniqueConstraint(
                fields=["task"],
                condition=~Q(state__in=["merged", "closed"]),
                name="pull_one_live_per_task",
            ),
        ]

    def __str__(self) -> str:
        return f"pull request {self.number}"

    @property
    def task_number(self) -> int:
        """Number of its task."""
        return self.task.number

    @property
    def author_name(self) -> str:
        """Name of who opened it."""
        return self.opened_by.name


class Verdict(models.TextChoices):
    APPROVE = "approve", "approved"
    CHANGES = "changes", "changes requested"
    COMMENT = "comment", "commented"


class Review(models.Model):
    """One verdict on the exact change that its author saw."""

    pull = models.ForeignKey(PullRequest, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    text = models.TextField(blank=True)
    base_commit = models.CharField(max_length=64)
    tree = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "review"

    def __str__(self) -> str:
        return f"{self.verdict} of pull request {self.pull_id}"

    @property
    def reviewer_name(self) -> str:
        """Name of who gave it."""
        return self.reviewer.name


class Note(models.Model):
    """A remark on one line of the new (or, with `is_old`, the old) file."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="notes")
    path = models.CharField(max_length=500)
    line = models.PositiveIntegerField()
    is_old = models.BooleanField(default=False)
    text = models.TextField()

    class Meta:
        verbose_name = "line note"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"
