"""Providers by name."""

from collections.abc import Mapping
from typing import Any

from django.db import connections

from hub.errors import Invalid

from .anthropic import Anthropic
from .base import Carrier, JudgeRequest, Provider, State
from .rehearsal import Rehearsal

PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider for provider in (Anthropic(), Rehearsal())
}


def find(name: str) -> Provider:
    """Give a provider by name. Raises Invalid."""
    found = PROVIDERS.get(name)
    if found is None:
        known = ", ".join(sorted(PROVIDERS))
        raise Invalid(f"There is no provider {name}; known are {known}.", code="provider.unknown")
    return found


def carried(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a successor's state begins with: nothing, but for a provider that says so."""
    provider = PROVIDERS.get(name)
    return dict(provider.carried(state)) if isinstance(provider, Carrier) else {}


def judge(name: str, facts: Mapping[str, str | int | float]) -> State:
    """Ask a provider's cheapest model whether a session is busy, idle or stuck.

    In doubt it is busy: when the provider has no judge, does not answer in time, or talks nonsense.
    """
    connections.close_all()  # nothing is held while a model thinks
    verdict = find(name).judge(JudgeRequest(facts=facts))
    return verdict.state if verdict else "busy"
