"""What a session read, said and did, in order. Lists of sessions never load it."""

from django.db import models

from .sessions import Session, Turn


class EntryKind(models.TextChoices):
    READ = "read", "read"
    SAID = "said", "said"
    TOOL = "tool", "tool call"
    NOTE = "note", "note"
    ERROR = "error", "error"


class Entry(models.Model):
    """One row of a transcript; `seq` is the cursor within the session."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="entries")
    turn = models.ForeignKey(
        Turn, null=True, blank=True, on_delete=models.CASCADE, related_name="entries"
    )
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=EntryKind.choices)
    title = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    exit_code = models.SmallIntegerField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "transcript entry"
        constraints = [
            models.UniqueConstraint(fields=["session", "seq"], name="entry_seq_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq}"
