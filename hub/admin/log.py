"""The log and what remembers calls, cursors and fences."""

from django.contrib import admin

from hub.models import Cursor, Event, Run, StoredCall

from .base import ReadOnly


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ("seq", "project", "name", "actor", "subject", "cause", "channel", "at")
    list_filter = ("project",)
    list_select_related = ("project", "actor", "channel")
    search_fields = ("=name", "=subject", "=cause")
    ordering = ("-at", "-seq")


@admin.register(Cursor)
class CursorAdmin(ReadOnly):
    list_display = ("reader", "project", "seq")
    list_filter = ("project",)
    list_select_related = ("project",)
    search_fields = ("reader",)


@admin.register(StoredCall)
class StoredCallAdmin(ReadOnly):
    list_display = ("action", "member", "key", "at")
    list_filter = ("action",)
    list_select_related = ("member",)
    search_fields = ("=key", "member__name")
    ordering = ("-at",)


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ("id", "member", "epoch", "lease_until", "ended_at")
    list_filter = ("member__project",)
    list_select_related = ("member",)
    search_fields = ("member__name",)
