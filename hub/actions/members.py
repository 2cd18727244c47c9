"""Members, their presence, and the tokens that let them in."""

import re
import unicodedata
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from hub import access, identify
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid
from hub.models import Member, MemberKind, Presence, Token, User
from hub.policy.roles import CAPABILITIES, capabilities_of, role
from hub.registry import action
from hub.schemas import Done, Line, MemberName, MemberOut, TokenOut
from hub.text import clip

from . import events

MAX_TOKEN_DAYS = 365
RESERVED = frozenset({"parley", "hub", "all", "everyone", "here", "channel", "system"})
MAX_NAME_CHARS = 32
NAME = r"^[A-Za-z][A-Za-z0-9_-]{1,31}$"
NewName = Annotated[str, Field(pattern=NAME)]


def name_of(user: User) -> str:
    """Make a member's name of what a person is called: a word that can be mentioned."""
    called = user.display_name or user.username
    plain = unicodedata.normalize("NFKD", called).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[:MAX_NAME_CHARS]
    usable = re.fullmatch(NAME, name) and name.lower() not in RESERVED
    return name if usable else f"member-{user.pk}"


def add(actor: Actor, name: str, role_name: str, *, user_id: int | None = None) -> Member:
    """Write a member of the actor's project.

    Raises Conflict when the name is taken, Invalid when it is reserved or no single word.
    """
    found = role(role_name)
    _check_name(actor, name)
    row = Member.objects.create(
        project_id=actor.project_id,
        kind=MemberKind(found.kind),
        name=name,
        role=role_name,
        user_id=user_id,
        created_at=actor.now,
    )
    events.record(actor, "member.joined", f"member:{row.pk}", name=name, role=role_name)
    return row


def _check_name(actor: Actor, name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise Invalid(
            f"A name is 2 to {MAX_NAME_CHARS} letters, digits, - or _, a letter first.",
            code="member.name",
        )
    if name.lower() in RESERVED:
        raise Invalid(f"The name {name} is reserved.", code="member.reserved")
    rows = Member.objects.filter(project_id=actor.project_id)
    if rows.filter(name__iexact=name, retired_at=None).exists():
        raise Conflict(f"There is a {name} here already.", code="member.name_taken")


@action("member.invite", needs="manage", returns=MemberOut)
def invite(
    actor: Actor,
    username: Line,
    *,
    role: Literal["owner", "person", "guest"] = "person",
    name: NewName | None = None,
) -> Member:
    """Let a person who has a login take part in this project.

    Who was retired takes part again as the same member. Raises Invalid for an unknown login,
    Conflict when they are in it or the name is taken.
    """
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Invalid(f"Nobody logs in as {username}.", code="user.unknown")
    past = Member.objects.filter(project_id=actor.project_id, user=user).first()
    if past is None:
        return add(actor, name or name_of(user), role, user_id=user.pk)
    if past.retired_at is None:
        raise Conflict(f"{username} is in this project already.", code="member.exists")
    return _bring_back(actor, past, name or past.name, role)


def _bring_back(actor: Actor, row: Member, name: str, role_name: str) -> Member:
    """Let a retired person take part again as the same member; old tokens stay revoked."""
    _check_name(actor, name)
    Member.objects.filter(pk=row.pk).update(name=name, role=role_name, retired_at=None)
    row.name, row.role, row.retired_at = name, role_name, None
    events.record(actor, "member.joined", f"member:{row.pk}", name=name, role=role_name)
    return row


@action("member.retire", needs="manage", returns=MemberOut)
def retire_by_name(actor: Actor, name: MemberName) -> Member:
    """End a member's part in the project; what they said and did stays."""
    row = access.get_member(actor, name)
    if row.kind == MemberKind.HUB or row.pk == actor.member_id:
        raise Conflict("Neither Parley nor yourself can be retired.", code="member.stays")
    if row.retired_at is not None:
        raise Conflict(f"{row.name} takes no part any more.", code="member.retired")
    retire(actor, row)
    return row


def retire(actor: Actor, row: Member) -> None:
    """Write a member's end and revoke their tokens."""
    Member.objects.filter(pk=row.pk, retired_at=None).update(retired_at=actor.now)
    row.retired_at = actor.now
    Token.objects.filter(member=row, revoked_at=None).update(revoked_at=actor.now)
    events.record(actor, "member.retired", f"member:{row.pk}", name=row.name)


@action("member.list", needs="read", returns=list[MemberOut], writes=False)
def listing(actor: Actor, *, retired: bool = False) -> list[Member]:
    """List who takes part in the project, by name."""
    rows = Member.objects.filter(project_id=actor.project_id).order_by("name")
    return list(rows if retired else rows.filter(retired_at=None))


@action("presence.set", needs="read", returns=Done, writes=False, marks=True)
def set_presence(actor: Actor, state: Literal["here", "busy", "away"], *, note: Line = "") -> Done:
    """Say what you are doing now; it is shown beside your name and not logged."""
    values = {"state": state, "note": clip(note, 200), "seen_at": actor.now}
    Presence.objects.update_or_create(member_id=actor.member_id, defaults=values)
    return Done()


@action("token.create", needs="talk", returns=TokenOut)
def create_token(
    actor: Actor,
    label: Annotated[str, Field(min_length=1, max_length=60)],
    *,
    scopes: Annotated[list[str], Field(max_length=20)] = [],  # noqa: B006 - pydantic copies
    days: Annotated[int, Field(ge=1, le=MAX_TOKEN_DAYS)] = 90,
    member: MemberName | None = None,
) -> TokenOut:
    """Make a bearer token for yourself, or with the right to manage for an agent.

    It can do what the scopes name and never more than its member. The secret is shown once.
    Raises Forbidden in a session, whose own token ends with it.
    """
    owner = access.get_live_member(actor, member) if member else access.me(actor)
    kept = _scopes(actor, owner, scopes)
    secret = identify.new_secret()
    row = Token.objects.create(
        member=owner,
        label=label,
        digest=identify.digest(secret),
        hint=secret[-4:],
        scopes=kept,
        created_at=actor.now,
        expires_at=actor.now + timedelta(days=days),
    )
    events.record(actor, "token.created", f"member:{owner.pk}", token=row.pk, label=label)
    return TokenOut(
        id=row.pk, label=label, hint=row.hint, scopes=kept, expires_at=row.expires_at, secret=secret
    )


def _scopes(actor: Actor, owner: Member, scopes: list[str]) -> list[str]:
    if actor.run_id is not None:
        raise Forbidden("A session makes no tokens.", code="token.in_session")
    mine = owner.pk == actor.member_id
    if not mine and not (actor.may("manage") and owner.kind == MemberKind.AGENT):
        raise Forbidden(
            "Others' tokens are made for agents, with the right to manage.", code="token.not_yours"
        )
    unknown = set(scopes) - set(CAPABILITIES)
    if unknown:
        raise Invalid(f"Unknown scopes: {', '.join(sorted(unknown))}.", code="token.scope")
    kept = set(scopes) or (actor.capabilities if mine else capabilities_of(owner.role))
    if mine and not kept <= actor.capabilities:
        raise Forbidden("A token cannot do more than you.", code="token.too_wide")
    return sorted(kept)


@action("token.revoke", needs="talk", returns=Done)
def revoke_token(actor: Actor, token: Annotated[int, Field(gt=0)]) -> Done:
    """Make a token worthless at once."""
    row = access.get_token(actor, token)
    Token.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=actor.now)
    events.record(actor, "token.revoked", f"member:{row.member_id}", token=row.pk)
    return Done()


@action("token.list", needs="read", returns=list[TokenOut], writes=False)
def list_tokens(actor: Actor) -> list[TokenOut]:
    """List your tokens that still work, without their secrets."""
    rows = Token.objects.valid(actor.now).filter(member_id=actor.member_id, run=None)
    return [
        TokenOut(
            id=row.pk, label=row.label, hint=row.hint, scopes=row.scopes, expires_at=row.expires_at
        )
        for row in rows.order_by("pk")
    ]
