"""From a session cookie, a bearer token or a member to an Actor."""

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from hub import clock
from hub.actor import Actor
from hub.errors import Forbidden, NotFound
from hub.models import HOUSE, Member, MemberKind, Token
from hub.policy.roles import capabilities_of

TOKEN_PREFIX = "prl_"  # noqa: S105 - a prefix, not a secret
USED_EVERY = timedelta(minutes=1)


def of_member(member: Member, entry: str, cause: str = "") -> Actor:
    """Make the Actor of a member row, with the capabilities of its role."""
    return Actor(
        member_id=member.pk,
        project_id=member.project_id,
        user_id=member.user_id,
        entry=entry,
        cause=cause,
        capabilities=frozenset() if member.retired_at else capabilities_of(member.role),
    )


def of_hub(project_id: int, entry: str = "job") -> Actor:
    """Make the Actor of Parley itself in a project, for jobs and sweeps."""
    return of_member(Member.objects.get(project_id=project_id, kind=MemberKind.HUB), entry)


def of_user(user: AbstractBaseUser | AnonymousUser, slug: str, entry: str = "page") -> Actor:
    """Make the Actor of a logged-in person in a project. Raises NotFound for outsiders."""
    member = (
        Member.objects.filter(user_id=user.pk or 0, project__slug=slug, retired_at=None)
        .filter(project__archived_at=None)
        .first()
    )
    if member is None:
        raise NotFound("There is no such project, or you are not in it.", code="project.unknown")
    return of_member(member, entry)


def of_house(user: AbstractBaseUser | AnonymousUser, entry: str = "page") -> Actor:
    """Make the Actor of a person in the house project. Raises Forbidden for all but its members."""
    member = Member.objects.filter(user_id=user.pk or 0, project_id=HOUSE, retired_at=None).first()
    if member is None:
        raise Forbidden("Only the house's members may do this.", code="house.closed")
    return of_member(member, entry)


def of_token(raw: str, entry: str = "api") -> Actor:
    """Make the Actor of a bearer token. Raises Forbidden when it is unknown, revoked or over."""
    now = clock.now()
    token = Token.objects.valid(now).filter(digest=digest(raw)).select_related("member").first()
    if token is None or token.member.retired_at is not None:
        raise Forbidden("This token is unknown, revoked or over.", code="token.invalid")
    if token.used_at is None or token.used_at < now - USED_EVERY:
        Token.objects.filter(pk=token.pk).update(used_at=now)
    actor = of_member(token.member, entry)
    scopes = frozenset(token.scopes) or actor.capabilities
    return replace(
        actor, capabilities=actor.capabilities & scopes, run_id=token.run_id, epoch=token.epoch
    )


def new_secret() -> str:
    """Make a bearer token's text: 256 random bits behind Parley's prefix."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def digest(raw: str) -> str:
    """Compute what is stored of a token: its SHA-256, hex."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()
