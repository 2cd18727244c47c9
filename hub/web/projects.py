"""The first page after login: the projects one takes part in, and a form for a new one."""

import secrets

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.models import HOUSE, Decision, Member, ObjectiveState, Project
from hub.parts.pages import projects_of
from hub.policy.roles import capabilities_of

BUSY = [ObjectiveState.ACTIVE, ObjectiveState.WAITING]


@require_safe
@login_required
def projects(request: HttpRequest) -> HttpResponse:
    """List the viewer's projects with what waits and what runs in each."""
    mine = [row.pk for row in projects_of(request.user)]
    active = Count("objectives", filter=Q(objectives__state__in=BUSY), distinct=True)
    rows = Project.objects.filter(pk__in=mine).annotate(active=active).order_by("name")
    asked = Decision.objects.open().filter(project__in=mine).values_list("project_id")
    waiting = dict(asked.annotate(count=Count("pk")).order_by())
    house = Member.objects.filter(user=request.user.pk, project_id=HOUSE, retired_at=None).first()
    archived = Project.objects.filter(archived_at__isnull=False).order_by("name")
    context = {
        "projects": rows,
        "archived": archived if house else [],
        "waiting": waiting,
        "in_house": house is not None,
        "house": Project.objects.get(pk=HOUSE),
        "may_stop": house is not None and "house" in capabilities_of(house.role),
        "key": secrets.token_urlsafe(9),
    }
    return render(request, "hub/projects.html", context)
