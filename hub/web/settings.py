"""A project's settings: what it is, which models its roles have, and who takes part."""

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub.models import Member, MemberKind, RoleSettings
from hub.parts import choices, panels, team
from hub.parts.pages import Visit, in_project
from hub.policy.roles import Role, roles

PERSON_ROLES = ("owner", "person", "guest")


@require_safe
@in_project
def settings(visit: Visit) -> HttpResponse:
    """Show the project's settings as forms; who may not manage sees them and cannot send."""
    project = visit.project
    mates = team.mates(project, team.members(project))
    members = [mate.member for mate in mates]
    context = {
        "mates": mates,
        "may": visit.actor.may("manage"),
        "providers": choices.offered("provider", project.provider),
        "roles": _roles(project.pk),
        "people": [row for row in members if row.kind == MemberKind.PERSON],
        "person_roles": [(name, roles()[name].title) for name in PERSON_ROLES],
        "me": _me(members, visit),
        "panels": panels.render("settings", project, {"project": project}),
    }
    return visit.render("hub/settings.html", context, page="settings")


def _roles(project_id: int) -> list[tuple[Role, dict[str, Any]]]:
    chosen = {row.role: row for row in RoleSettings.objects.filter(project_id=project_id)}
    found = []
    for name, role in roles().items():
        if role.kind != MemberKind.AGENT:
            continue
        row = chosen.get(name)
        found.append(
            (
                role,
                {
                    "model": row.model if row else "",
                    "fallbacks": "\n".join(row.fallback_models) if row else "",
                    "limit": row.context_limit_tokens if row else None,
                    "is_chosen": bool(
                        row and (row.model or row.fallback_models or row.context_limit_tokens)
                    ),
                },
            )
        )
    return found


def _me(members: list[Member], visit: Visit) -> int:
    return next((row.pk for row in members if row.pk == visit.actor.member_id), 0)
