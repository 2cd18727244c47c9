"""What applications above offer where a person has to choose, by the field's name."""

from collections.abc import Callable, Sequence

Offer = Callable[[], Sequence[str]]

_offers: dict[str, Offer] = {}


def offer(name: str, found: Offer) -> None:
    """Register what there is to choose for a field, as "provider"."""
    _offers[name] = found


def offered(name: str, now: str) -> list[str]:
    """Give the choices of a field; what is chosen now is always among them."""
    found = list(_offers[name]()) if name in _offers else []
    return found if now in found else [*found, now]
