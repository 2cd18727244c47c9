"""What applications above show on the hub's pages: a panel is a template and its context."""

from collections.abc import Callable
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

Panel = tuple[str, dict[str, Any]]
Maker = Callable[[Any], list[Panel]]

_makers: dict[str, list[Maker]] = {}


def add(place: str, maker: Maker) -> None:
    """Register a maker of panels for a place: "task" (its row), "home" (the project)."""
    _makers.setdefault(place, []).append(maker)


def render(place: str, row: Any, context: dict[str, Any]) -> SafeString:
    """Render all panels of a place, in the order they were added."""
    found = [panel for maker in _makers.get(place, []) for panel in maker(row)]
    html = "".join(render_to_string(name, {**context, **own}) for name, own in found)
    return mark_safe(html)  # noqa: S308 - our own templates, escaped by Django
