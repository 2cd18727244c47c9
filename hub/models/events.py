"""The log: append-only, gap-free and hash-chained per project; and what remembers calls."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from django.db import models
from django.db.models.functions import Cast

from .channels import Channel
from .members import Member
from .projects import Project
from .runs import Run


class Event(models.Model):
    """One fact. `body` is canonical JSON text with ids and small facts; the chain covers it.

    `subject` names what it is about ("task:12"), `cause` what led to it ("message:812").
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="events")
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    name = models.CharField(max_length=48)
    actor = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="events")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.SET_NULL)
    channel = models.ForeignKey(Channel, null=True, blank=True, on_delete=models.CASCADE)
    subject = models.CharField(max_length=64)
    cause = models.CharField(max_length=64, blank=True)
    body = models.TextField(default="{}")
    facts = models.GeneratedField(
        expression=Cast("body", models.JSONField()),
        output_field=models.JSONField(),
        db_persist=True,
    )
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = "event"
        constraints = [
            models.UniqueConstraint(fields=["project", "seq"], name="event_seq_unique"),
        ]
        indexes = [
            models.Index(fields=["project", "subject", "seq"], name="event_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.project_id}:{self.seq} {self.name}"

    @property
    def actor_name(self) -> str:
        """Name of who did it."""
        return self.actor.name


def canonical(body: Mapping[str, object]) -> str:
    """Write a body as the one JSON text that the chain covers: sorted keys, no spaces."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def chain(previous: str, event: Event) -> str:
    """Compute an event's hash from its predecessor's and all that it says (SHA-256, hex)."""
    parts = [
        previous,
        event.project_id,
        event.seq,
        stamp(event.at),
        event.name,
        event.actor_id,
        event.run_id or "",
        event.channel_id or "",
        event.subject,
        event.cause,
        event.body,
    ]
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def stamp(moment: datetime) -> str:
    """Write a time as the chain does: microseconds since 1970."""
    return str(int(moment.timestamp()) * 1_000_000 + moment.microsecond)


class Cursor(models.Model):
    """How far a named reader has read a project's log."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="cursors")
    reader = models.CharField(max_length=80)
    seq = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "cursor"
        constraints = [
            models.UniqueConstraint(fields=["project", "reader"], name="cursor_once"),
        ]

    def __str__(self) -> str:
        return f"{self.reader} at {self.seq}"


class StoredCall(models.Model):
    """A call that had an idempotency key, and its answer, so that a repeat gets the same."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="stored_calls")
    key = models.CharField(max_length=200)
    action = models.CharField(max_length=48)
    digest = models.CharField(max_length=64)
    answer = models.TextField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = "stored call"
        constraints = [
            models.UniqueConstraint(fields=["member", "key"], name="stored_call_once"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.key}"
