"""Notes and results, to look at."""

from django.contrib import admin

from hub.models import Artifact

from .base import ReadOnly


@admin.register(Artifact)
class ArtifactAdmin(ReadOnly):
    list_display = ("__str__", "project", "title", "visibility", "author", "task", "at")
    list_filter = ("project", "kind", "visibility")
    list_select_related = ("project", "author", "task")
    search_fields = ("title", "summary")
    ordering = ("-at",)
