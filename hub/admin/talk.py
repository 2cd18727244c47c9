"""Channels and what is said in them."""

from django.contrib import admin

from hub.models import Channel, ChannelMember, Message, Reaction, ReadMark

from .base import Lines, ReadOnly


class Participants(Lines):
    model = ChannelMember


@admin.register(Channel)
class ChannelAdmin(ReadOnly):
    list_display = ("name", "project", "number", "kind", "topic", "created_at", "archived_at")
    list_filter = ("project", "kind")
    list_select_related = ("project",)
    search_fields = ("name", "topic")
    ordering = ("project", "number")
    inlines = (Participants,)


@admin.register(Message)
class MessageAdmin(ReadOnly):
    list_display = (
        "seq",
        "project",
        "channel",
        "author",
        "start",
        "origin",
        "posted_at",
        "refusal",
    )
    list_filter = ("project", "channel__kind", "origin")
    list_select_related = ("project", "channel", "author")
    search_fields = ("text", "author__name")
    ordering = ("-posted_at",)

    @admin.display(description="text")
    def start(self, row: Message) -> str:
        """Show the first characters of the text."""
        return row.text[:80]


@admin.register(Reaction)
class ReactionAdmin(ReadOnly):
    list_display = ("emoji", "message", "member")
    list_filter = ("message__project",)
    list_select_related = ("message", "member")
    search_fields = ("member__name",)


@admin.register(ReadMark)
class ReadMarkAdmin(ReadOnly):
    list_display = ("member", "channel", "seq")
    list_filter = ("channel__project",)
    list_select_related = ("member", "channel")
    search_fields = ("member__name", "channel__name")
