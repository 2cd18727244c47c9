"""Projects, what people want, the tasks it became, and what waits for a person."""

from django.contrib import admin

from hub.models import (
    Decision,
    Objective,
    Project,
    ProjectClock,
    RoleSettings,
    Task,
    TaskDependency,
)

from .base import Lines, ReadOnly, offer

BY_OPERATOR = "by an operator, in the admin"


@admin.register(Project)
class ProjectAdmin(ReadOnly):
    list_display = ("name", "slug", "provider", "repository", "created_at", "paused_at")
    list_filter = ("provider", "paused_at")
    search_fields = ("name", "slug", "repository")
    ordering = ("name",)
    actions = (
        offer("project.pause", "Pause", lambda _: {"reason": BY_OPERATOR}, lambda row: row.slug),
        offer("project.resume", "Resume", lambda _: {}, lambda row: row.slug),
    )


@admin.register(RoleSettings)
class RoleSettingsAdmin(ReadOnly):
    list_display = ("project", "role", "model", "fallback_models", "context_limit_tokens")
    list_filter = ("project", "role")
    list_select_related = ("project",)
    search_fields = ("model",)
    ordering = ("project", "role")


@admin.register(ProjectClock)
class ProjectClockAdmin(ReadOnly):
    list_display = ("project", "seq", "head_hash")
    list_select_related = ("project",)


class Parts(Lines):
    model = Task
    fk_name = "objective"
    fields = ("number", "name", "state", "phase", "holder")


@admin.register(Objective)
class ObjectiveAdmin(ReadOnly):
    list_display = ("title", "project", "number", "state", "opened_by", "opened_at", "ended_at")
    list_filter = ("project", "state")
    list_select_related = ("project", "opened_by")
    search_fields = ("title", "prompt")
    ordering = ("-opened_at",)
    inlines = (Parts,)
    actions = (
        offer(
            "objective.cancel",
            "Cancel",
            lambda row: {"objective": row.number, "reason": f"Canceled {BY_OPERATOR}."},
        ),
    )


class Waits(Lines):
    model = TaskDependency
    fk_name = "task"


@admin.register(Task)
class TaskAdmin(ReadOnly):
    list_display = (
        "__str__",
        "project",
        "state",
        "phase",
        "priority",
        "holder",
        "assignee",
        "lease_until",
        "opened_at",
    )
    list_filter = ("project", "state", "phase")
    list_select_related = ("project", "holder", "assignee")
    search_fields = ("name", "title", "brief")
    ordering = ("-opened_at",)
    inlines = (Waits,)
    actions = (
        offer(
            "task.drop",
            "Drop",
            lambda row: {"task": row.number, "outcome": f"Dropped {BY_OPERATOR}."},
        ),
    )


@admin.register(TaskDependency)
class TaskDependencyAdmin(ReadOnly):
    list_display = ("task", "blocker", "resolved_at")
    list_filter = ("task__project", "resolved_at")
    list_select_related = ("task", "blocker")
    search_fields = ("task__name", "blocker__name")


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = (
        "__str__",
        "project",
        "state",
        "start",
        "asker",
        "asked_at",
        "default_at",
        "answered_by",
    )
    list_filter = ("project", "kind", "state")
    list_select_related = ("project", "asker", "answered_by")
    search_fields = ("text", "answer")
    ordering = ("-asked_at",)

    @admin.display(description="text")
    def start(self, row: Decision) -> str:
        """Show the first characters of the text."""
        return row.text[:80]
