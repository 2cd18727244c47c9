"""What applications above show on the hub's pages: a panel is a template and its context."""

from collections.abc import Callable, Mapping
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

Panel = tuple[str, dict[str, Any]]
Maker = Callable[[Any], list[Panel]]
EachMaker = Callable[[list[Any]], Mapping[int, list[Panel]]]

_makers: dict[str, list[Maker]] = {}
_each: dict[str, list[EachMaker]] = {}


def add(place: str, maker: Maker) -> None:
    """Register a maker of panels for a place.

    "task" (its row), "home" (the project), "team" and "team-ended" (the project), "objective" (its
    row), "settings" (the project).
    """
    _makers.setdefault(place, []).append(maker)


def add_each(place: str, maker: EachMaker) -> None:
    """Register a maker for a place that a page has many times, so that it loads for all at once.

    "agent" (facts on a card) and "agent-do" (its buttons): a list of `team.Mate` to panels by
    member id.
    """
    _each.setdefault(place, []).append(maker)


def render(place: str, row: Any, context: dict[str, Any]) -> SafeString:
    """Render all panels of a place, in the order they were added."""
    found = [panel for maker in _makers.get(place, []) for panel in maker(row)]
    return _drawn(found, context)


def render_each(place: str, mates: list[Any], context: dict[str, Any]) -> list[SafeString]:
    """Render the panels of a place for each of many members, in their order."""
    found = [maker(mates) for maker in _each.get(place, [])]
    shown = ([panel for each in found for panel in each.get(mate.member.pk, [])] for mate in mates)
    return [_drawn(own, context) for own in shown]


def _drawn(found: list[Panel], context: dict[str, Any]) -> SafeString:
    html = "".join(render_to_string(name, {**context, **own}) for name, own in found)
    return mark_safe(html)  # noqa: S308 - our own templates, escaped by Django
