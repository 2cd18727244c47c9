"""What kills a merge job half-way, and how tests see what it left."""

from datetime import timedelta

import pytest

from agents import merging
from agents.git import repository
from agents.models import PullRequest
from hub import clock, registry

from .stage import Set

real_call = registry.call


class Crash(BaseException):
    """What kills a worker."""


def crash_at(monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    def call(actor, name, *args):
        if name == action:
            raise Crash
        return real_call(actor, name, *args)

    monkeypatch.setattr(merging.registry, "call", call)


def forget(row: PullRequest) -> None:
    """Let a claim be over, as two minutes after a crash."""
    PullRequest.objects.filter(pk=row.pk).update(claimed_until=clock.now() - timedelta(seconds=1))


def source_tip(stage: Set) -> str | None:
    return repository.branch_tip(stage.stage.source / ".git", "main")
