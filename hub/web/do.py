"""The one view that writes: a posted form becomes one call of the registry."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from hub import registry
from hub.errors import HubError
from hub.parts.pages import Visit, in_project, is_htmx, refused

from . import forms


@require_http_methods(["GET", "HEAD", "POST"])
@in_project
def do(visit: Visit, name: str) -> HttpResponse:
    """Show an action's form, or do the action.

    Fields are its arguments; `key` is the idempotency key, `next` where to go afterwards. htmx gets
    204 and the part by its socket; a refusal keeps what was typed.
    """
    action = registry.find(name)
    request = visit.request
    if request.method != "POST":
        return _form(visit, action, request.GET.dict(), None)
    payload = forms.payload(action, request.POST)
    try:
        answer = registry.call(visit.actor, name, payload, request.POST.get("key", ""))
    except HubError as error:
        return refused(request, error) if is_htmx(request) else _form(visit, action, payload, error)
    if is_htmx(request):
        return HttpResponse(status=204)
    after = _next(request)
    if after:
        return HttpResponseRedirect(after, status=303)
    shown = json.dumps(answer, indent=2, ensure_ascii=False)
    return visit.render("hub/answer.html", {"action": action, "answer": shown}, page="do")


def _next(request: HttpRequest) -> str:
    after = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        after, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return after if safe else ""


def _problems(error: HubError | None) -> dict[str, str]:
    """Sort what was wrong with the arguments by field; a list's item belongs to its list."""
    found: Any = error.detail.get("problems", []) if error else []
    return {one["field"].partition(".")[0]: one["problem"] for one in reversed(found)}


def _form(
    visit: Visit, action: registry.Action, values: Mapping[str, object], error: HubError | None
) -> HttpResponse:
    context = {
        "action": action,
        "fields": forms.fields(action, values, _problems(error)),
        "error": error,
        "next": _next(visit.request),
        "empty": visit.request.POST.get("empty", ""),
        "may": visit.actor.may(action.needs),
    }
    return visit.render("hub/do.html", context, page="do", status=error.status if error else 200)
