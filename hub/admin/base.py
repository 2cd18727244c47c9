"""What all admin pages share: rows to look at, and actions of the registry offered on them."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from hub import identify, registry
from hub.errors import HubError

AdminAction = Callable[[Any, HttpRequest, QuerySet[Any]], None]


class Looking:
    """Rows that nobody adds, changes or removes here: their changes are events."""

    def has_add_permission(self, *_: Any) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, *_: Any) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        """Refuse."""
        return False


class ReadOnly(Looking, ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """The page of a model that is only looked at."""

    list_per_page = 50
    show_full_result_count = False


class Lines(Looking, TabularInline):  # type: ignore[misc]  # unfold is untyped
    """The rows that belong to the one shown, only to look at."""

    extra = 0
    show_change_link = True


def offer(
    name: str,
    description: str,
    payload: Callable[[Any], dict[str, object]],
    project: Callable[[Any], str] = lambda row: str(row.project.slug),
) -> AdminAction:
    """Offer an action of the registry on the chosen rows.

    It is called as the operator's member in the row's project; `payload` makes its arguments of a
    row. What is refused is shown with the reason, and the rest goes on.
    """

    @admin.action(description=description)
    def run(_: Any, request: HttpRequest, rows: QuerySet[Any]) -> None:
        done = 0
        for row in rows:
            try:
                actor = identify.of_user(request.user, project(row), "admin")
                registry.call(actor, name, payload(row))
            except HubError as error:
                messages.error(request, f"{_named(row)}: {error.message}")
            else:
                done += 1
        if done:
            messages.success(request, f"{description}: {done} done.")

    run.__name__ = name.replace(".", "_")
    return run


def _named(row: Model) -> str:
    return f"{row._meta.verbose_name} {row}"
