"""People's logins: who may make one, and the one-time link that `manage.py up` prints."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from hub.models import User

QUIET = {"account/messages/logged_in.txt", "account/messages/logged_out.txt"}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Parley's answers to allauth's questions."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's
        """Let strangers make a login only where PARLEY_OPEN_SIGNUP says so."""
        return bool(settings.PARLEY_OPEN_SIGNUP)

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *args: object,
        **kwargs: object,
    ) -> None:
        """Leave out the notices that a page shows anyway."""
        if message_template not in QUIET:
            super().add_message(request, level, message_template, *args, **kwargs)


class _Links(PasswordResetTokenGenerator):
    """Tokens bound to the password and the last login: using one makes it worthless."""

    key_salt = "parley.enter"


_links = _Links()


def enter_path(user: User) -> str:
    """Make the path that logs a person in once, within PASSWORD_RESET_TIMEOUT (3 days)."""
    return reverse("enter", args=[f"{user.pk}-{_links.make_token(user)}"])


@require_safe
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Log in by a one-time link, which is worthless afterwards."""
    pk, _, proof = token.partition("-")
    user = User.objects.filter(pk=int(pk), is_active=True).first() if pk.isdecimal() else None
    if user is None or not _links.check_token(user, proof):
        return render(request, "account/enter_over.html", status=403)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect(settings.LOGIN_REDIRECT_URL)
