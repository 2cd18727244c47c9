"""Who logs in, who takes part, and the tokens that let programs in."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from hub.models import Member, Presence, Token, User

from .base import Lines, ReadOnly, offer

admin.site.unregister(Group)  # rights are roles of members; a login only opens doors


class Memberships(Lines):
    model = Member
    fields = ("project", "name", "role", "retired_at")


@admin.register(User)
class PeopleAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # unfold is untyped
    """Logins: the one thing that operators change here directly."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (Memberships,)
    list_display = ("username", "display_name", "email", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("username", "display_name", "email")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "display_name", "email", "password")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Times", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Refuse for whoever takes part somewhere: what they said stays theirs."""
        member = obj is not None and obj.members.exists()
        return not member and bool(super().has_delete_permission(request, obj))


@admin.register(Member)
class MemberAdmin(ReadOnly):
    list_display = ("name", "project", "kind", "role", "user", "created_at", "retired_at")
    list_filter = ("project", "kind", "role")
    list_select_related = ("project", "user")
    search_fields = ("name", "user__username")
    ordering = ("project", "name")
    actions = (offer("member.retire", "Retire", lambda row: {"name": row.name}),)


@admin.register(Presence)
class PresenceAdmin(ReadOnly):
    list_display = ("member", "state", "note", "seen_at")
    list_filter = ("state",)
    list_select_related = ("member",)
    search_fields = ("member__name", "note")


@admin.register(Token)
class TokenAdmin(ReadOnly):
    """Tokens, without what is stored of their secrets."""

    list_display = ("label", "hint", "member", "run", "created_at", "expires_at", "revoked_at")
    list_filter = ("member__project", "revoked_at")
    list_select_related = ("member__project", "run")
    search_fields = ("label", "hint", "member__name")
    exclude = ("digest",)
    actions = (
        offer(
            "token.revoke",
            "Revoke",
            lambda row: {"token": row.pk},
            lambda row: row.member.project.slug,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        """Load what names a token's project with it."""
        rows: QuerySet[Token] = super().get_queryset(request)
        return rows.select_related("member__project")
