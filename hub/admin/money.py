"""The ledger of what models cost, and the budgets."""

from django.contrib import admin

from hub.models import Budget, Charge

from .base import ReadOnly


@admin.register(Charge)
class ChargeAdmin(ReadOnly):
    list_display = (
        "number",
        "project",
        "state",
        "member",
        "session",
        "turn",
        "task",
        "provider",
        "model",
        "micro_usd",
        "reserved_micro_usd",
        "at",
    )
    list_filter = ("project", "state", "provider", "is_unknown_model", "lacks_usage", "is_absurd")
    list_select_related = ("project", "member", "task")
    search_fields = ("=key", "model", "member__name")
    ordering = ("-at", "-number")


@admin.register(Budget)
class BudgetAdmin(ReadOnly):
    list_display = (
        "__str__",
        "project",
        "scope",
        "objective",
        "task",
        "member",
        "cap_micro_usd",
        "spent_micro_usd",
        "reserved_micro_usd",
        "warned_at",
        "stopped_at",
    )
    list_filter = ("project", "scope")
    list_select_related = ("project", "objective", "task", "member")
    search_fields = ("member__name", "task__name")
    ordering = ("project", "pk")
