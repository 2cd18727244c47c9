"""The operators' admin of sessions, checkouts and pull requests: to look at, with a few actions."""

from django.contrib import admin

from agents.models import (
    Aside,
    Entry,
    Handoff,
    Note,
    ProviderBreaker,
    ProviderLimit,
    PullRequest,
    Review,
    Session,
    Step,
    Target,
    ToolCall,
    Turn,
    Workspace,
)
from hub.admin.base import Lines, ReadOnly, offer


class Turns(Lines):
    model = Turn
    fields = ("number", "state", "upto", "input_tokens", "output_tokens", "started_at", "ended_at")


@admin.register(Session)
class SessionAdmin(ReadOnly):
    list_display = (
        "number",
        "project",
        "member",
        "role",
        "state",
        "activity",
        "task",
        "provider",
        "due_at",
        "paused_at",
    )
    list_filter = ("project", "state", "role", "provider", "target")
    list_select_related = ("project", "member", "task")
    search_fields = ("member__name", "task__name", "activity", "summary")
    ordering = ("-created_at",)
    inlines = (Turns,)
    actions = (
        offer("session.pause", "Pause", lambda row: {"session": row.number}),
        offer("session.resume", "Resume", lambda row: {"session": row.number}),
        offer("session.cancel", "Cancel", lambda row: {"session": row.number}),
    )


class Steps(Lines):
    model = Step
    fields = ("number", "text", "is_last", "at")


@admin.register(Turn)
class TurnAdmin(ReadOnly):
    list_display = ("__str__", "session", "state", "input_tokens", "output_tokens", "started_at")
    list_filter = ("session__project", "state")
    list_select_related = ("session",)
    search_fields = ("session__member__name", "error")
    ordering = ("-started_at",)
    inlines = (Steps,)


class Calls(Lines):
    model = ToolCall
    fields = ("number", "name", "state", "is_error", "exit_code", "seconds")


@admin.register(Step)
class StepAdmin(ReadOnly):
    list_display = ("__str__", "turn", "is_last", "at")
    list_filter = ("turn__session__project",)
    list_select_related = ("turn",)
    search_fields = ("text",)
    ordering = ("-at",)
    inlines = (Calls,)


@admin.register(ToolCall)
class ToolCallAdmin(ReadOnly):
    list_display = ("name", "step", "state", "is_error", "exit_code", "seconds")
    list_filter = ("state", "is_error", "name")
    list_select_related = ("step",)
    search_fields = ("name", "use_id")
    ordering = ("-pk",)


@admin.register(Entry)
class EntryAdmin(ReadOnly):
    """Transcripts; the list leaves their text where it is."""

    list_display = ("session", "seq", "kind", "title", "exit_code", "at")
    list_filter = ("session__project", "kind")
    list_select_related = ("session",)
    search_fields = ("title", "session__member__name")
    ordering = ("-at",)


@admin.register(Target)
class TargetAdmin(ReadOnly):
    list_display = ("name", "state", "slots", "is_contained", "seen_at")
    list_filter = ("state",)
    search_fields = ("name",)


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnly):
    list_display = ("branch", "project", "task", "state", "target", "writer", "path", "created_at")
    list_filter = ("project", "state", "target")
    list_select_related = ("project", "task", "target", "writer")
    search_fields = ("branch", "task__name", "path")
    ordering = ("-created_at",)


class Reviews(Lines):
    model = Review
    fields = ("reviewer", "verdict", "text", "tree", "at")


@admin.register(PullRequest)
class PullRequestAdmin(ReadOnly):
    list_display = ("number", "project", "title", "state", "task", "opened_by", "opened_at")
    list_filter = ("project", "state")
    list_select_related = ("project", "task", "opened_by")
    search_fields = ("title", "branch", "task__name")
    ordering = ("-opened_at",)
    inlines = (Reviews,)
    actions = (
        offer("pull.merge", "Merge", lambda row: {"pull": row.number}),
        offer("pull.close", "Close", lambda row: {"pull": row.number}),
    )


class Notes(Lines):
    model = Note
    fields = ("path", "line", "is_old", "text")


@admin.register(Review)
class ReviewAdmin(ReadOnly):
    list_display = ("pull", "reviewer", "verdict", "tree", "at")
    list_filter = ("pull__project", "verdict")
    list_select_related = ("pull", "reviewer")
    search_fields = ("reviewer__name", "text")
    ordering = ("-at",)
    inlines = (Notes,)


@admin.register(Handoff)
class HandoffAdmin(ReadOnly):
    list_display = (
        "number",
        "project",
        "predecessor",
        "successor",
        "state",
        "is_composed",
        "reason",
        "asked_at",
        "ended_at",
    )
    list_filter = ("project", "state", "is_composed")
    list_select_related = ("project", "predecessor", "successor")
    search_fields = ("reason", "predecessor__member__name", "successor__member__name")
    ordering = ("-asked_at",)


@admin.register(Aside)
class AsideAdmin(ReadOnly):
    list_display = (
        "__str__",
        "project",
        "kind",
        "session",
        "asker",
        "state",
        "asked_at",
        "ended_at",
    )
    list_filter = ("project", "kind", "state")
    list_select_related = ("project", "session", "asker")
    search_fields = ("question", "answer", "asker__name")
    ordering = ("-asked_at",)


@admin.register(ProviderLimit)
class ProviderLimitAdmin(ReadOnly):
    list_display = ("provider", "model", "until")
    list_filter = ("provider",)
    search_fields = ("model",)
    ordering = ("-until",)


@admin.register(ProviderBreaker)
class ProviderBreakerAdmin(ReadOnly):
    list_display = ("provider", "opened_at", "closed_at", "error")
    search_fields = ("provider", "error")
    ordering = ("provider",)
