"""The operators' admin of networks: how they are, what waits, and what came in."""

from django.contrib import admin

from hub.admin.base import Lines, ReadOnly, offer

from .models import Binding, ChatAccount, Delivery, Gap, Incoming, Network, Piece


class Bindings(Lines):
    model = Binding
    fields = ("channel", "room", "takes_guests", "held_until", "held_why")


@admin.register(Network)
class NetworkAdmin(ReadOnly):
    list_display = ("name", "project", "kind", "state", "state_why", "state_since", "heard_at")
    list_filter = ("project", "kind", "state")
    list_select_related = ("project",)
    exclude = ("secrets",)
    ordering = ("project", "name")
    inlines = (Bindings,)
    actions = (
        offer("network.pause", "Pause", lambda row: {"network": row.name}),
        offer("network.resume", "Resume", lambda row: {"network": row.name}),
    )


class Pieces(Lines):
    model = Piece
    fields = ("number", "remote_id", "at")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ("__str__", "binding", "speaker", "state", "attempts", "error", "said_at")
    list_filter = ("state", "kind", "binding__network")
    list_select_related = ("binding__channel", "binding__network__project", "speaker")
    search_fields = ("text", "error")
    ordering = ("-said_at",)
    inlines = (Pieces,)
    actions = (
        offer(
            "delivery.resend",
            "Send again",
            lambda row: {"delivery": row.pk},
            lambda row: str(row.binding.network.project.slug),
        ),
    )


@admin.register(Incoming)
class IncomingAdmin(ReadOnly):
    list_display = ("__str__", "network", "room", "state", "why", "arrived_at")
    list_filter = ("network", "state", "kind")
    list_select_related = ("network",)
    search_fields = ("remote_id", "why")
    ordering = ("-arrived_at",)


@admin.register(ChatAccount)
class ChatAccountAdmin(ReadOnly):
    list_display = ("external_id", "network", "name", "member", "is_linked", "created_at")
    list_filter = ("network", "is_linked")
    list_select_related = ("network", "member")
    search_fields = ("external_id", "name", "member__name")
    ordering = ("-created_at",)


@admin.register(Gap)
class GapAdmin(ReadOnly):
    list_display = ("network", "room", "why", "at")
    list_filter = ("network",)
    list_select_related = ("network",)
    ordering = ("-at",)
