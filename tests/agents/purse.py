"""A project whose agents cost money, and its budgets."""

import pytest

from agents import providers
from hub.models import Budget, Project

from .counted import Counted, Step
from .stage import Set


@pytest.fixture
def counted(stage: Set, monkeypatch: pytest.MonkeyPatch):
    """Let the project's agents be played by a provider that costs money."""
    Project.objects.filter(pk=stage.stage.project.pk).update(provider="counted")

    def install(*steps: Step, **options) -> Counted:
        provider = Counted(*steps, **options)
        monkeypatch.setattr(providers, "PROVIDERS", {"counted": provider})
        return provider

    return install


def cap(stage: Set, micro_usd: int, scope: str = "project", of: str = "") -> Budget:
    stage.act("budget.set", scope=scope, of=of, cap_usd=str(micro_usd / 1_000_000))
    return Budget.objects.get(scope=scope)
