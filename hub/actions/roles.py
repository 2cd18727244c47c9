"""What a project chooses for its roles, and which role a person has."""

from typing import Annotated, Literal

from pydantic import Field

from hub import access
from hub.actor import Actor
from hub.errors import Conflict, Invalid
from hub.models import Member, MemberKind, RoleSettings
from hub.policy.roles import role as role_of
from hub.policy.roles import roles
from hub.registry import action
from hub.schemas import MemberName, MemberOut, RoleSettingsOut

from . import events

MAX_FALLBACKS = 4
Model = Annotated[str, Field(pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", max_length=80)]
Fallback = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", max_length=80)]
ContextLimit = Annotated[
    int, Field(ge=8_000, le=2_000_000, description="tokens at which a session hands over")
]


@action("role.set", needs="manage", returns=RoleSettingsOut)
def set_role(
    actor: Actor,
    role: Annotated[str, Field(min_length=1, max_length=24)],
    *,
    model: Model = "",
    fallback_models: Annotated[list[Fallback], Field(max_length=MAX_FALLBACKS)] = [],  # noqa: B006 - pydantic copies
    context_limit_tokens: ContextLimit | None = None,
) -> RoleSettings:
    """Choose the model, its substitutes and the context limit of a role of agents.

    What is left out goes back to the default. Sessions take it up with their next turn.
    """
    if role_of(role).kind != MemberKind.AGENT:
        raise Invalid(f"A {role} is a person and has no model.", code="role.no_agent")
    if model in fallback_models or len(set(fallback_models)) < len(fallback_models):
        raise Invalid("A model is named twice.", code="role.model_twice")
    values = {
        "model": model,
        "fallback_models": list(fallback_models),
        "context_limit_tokens": context_limit_tokens,
    }
    row, _ = RoleSettings.objects.update_or_create(
        project_id=actor.project_id, role=role, defaults=values
    )
    events.record(actor, "role.changed", f"project:{actor.project_id}", role=role, model=model)
    return row


@action("role.list", needs="read", returns=list[RoleSettingsOut], writes=False)
def listing(actor: Actor) -> list[RoleSettings]:
    """List the roles of agents with what the project has chosen for each."""
    found = {row.role: row for row in RoleSettings.objects.filter(project_id=actor.project_id)}
    names = [name for name, found_role in roles().items() if found_role.kind == MemberKind.AGENT]
    return [found.get(name) or RoleSettings(role=name) for name in names]


@action("member.set_role", needs="manage", returns=MemberOut)
def set_member_role(
    actor: Actor, name: MemberName, role: Literal["owner", "person", "guest"]
) -> Member:
    """Change what a person may do in the project.

    Raises Conflict for an agent, for one who left, and for the last owner.
    """
    row = access.get_live_member(actor, name)
    if row.kind != MemberKind.PERSON:
        raise Conflict(f"{row.name} is no person; its role is fixed.", code="member.no_person")
    owners = Member.objects.filter(project_id=actor.project_id, role="owner", retired_at=None)
    if row.role == "owner" and role != "owner" and owners.count() == 1:
        raise Conflict(f"{row.name} is the last owner.", code="member.last_owner")
    Member.objects.filter(pk=row.pk).update(role=role)
    row.role = role
    events.record(actor, "member.role_changed", f"member:{row.pk}", name=row.name, role=role)
    return row
