"""What went wrong, and who looks after it."""

from django.contrib import admin

from hub.models import Trouble

from .base import ReadOnly, offer


@admin.register(Trouble)
class TroubleAdmin(ReadOnly):
    list_display = ("__str__", "project", "severity", "state", "owner", "count", "last_at")
    list_filter = ("project", "severity", "state")
    list_select_related = ("project", "owner")
    search_fields = ("text",)
    ordering = ("-last_at",)
    actions = (
        offer("trouble.acknowledge", "Acknowledge", lambda row: {"trouble": row.number}),
        offer("trouble.resolve", "Resolve", lambda row: {"trouble": row.number}),
    )
