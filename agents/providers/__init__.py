"""Providers by name."""

from collections.abc import Mapping
from typing import Any

from hub.errors import Invalid

from .anthropic import Anthropic
from .base import Carrier, Provider
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
