"""Who somebody on a network is here: the member an account is linked to, or a guest of ours."""

import hashlib
import re
import unicodedata
from datetime import datetime

from hub import identify
from hub.actions import members
from hub.actor import Actor
from hub.models import Member
from hub.text import clip

from .base import Sender
from .models import ChatAccount, LinkCode, Network

GUEST = "guest"
MAX_NAME_CHARS = 32


def actor_of(network: Network, sender: Sender, now: datetime) -> tuple[Actor, bool]:
    """Give the member who speaks, under the project's lock, and whether the account is linked.

    One who was retired has no rights left, by whatever account.
    """
    rows = ChatAccount.objects.filter(network=network, external_id=sender.id[:250])
    account = rows.select_related("member").first()
    if account is None:
        account = _guest(network, sender, now)
    if account.name != sender.name[:120]:
        ChatAccount.objects.filter(pk=account.pk).update(name=sender.name[:120])
    return identify.of_member(account.member, network.name), account.is_linked


def _guest(network: Network, sender: Sender, now: datetime) -> ChatAccount:
    """Make a guest whose name carries the network, so that it looks like nobody else's."""
    hub = identify.of_hub(network.project_id).at(now)
    member = members.add(hub, _free_name(network, sender.name), GUEST)
    return ChatAccount.objects.create(
        network=network,
        external_id=sender.id[:250],
        member=member,
        name=sender.name[:120],
        created_at=now,
    )


def _free_name(network: Network, shown: str) -> str:
    plain = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode()
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_") or "guest"
    word = word if word[0].isalpha() else f"g-{word}"
    taken = Member.objects.filter(project_id=network.project_id, retired_at=None)
    for number in range(1, 1_000):
        tail = f"-{network.name}" if number == 1 else f"-{network.name}-{number}"
        name = word[: MAX_NAME_CHARS - len(tail)] + tail
        if not taken.filter(name__iexact=name).exists():
            return name
    raise AssertionError("a thousand guests have this name")


def link(network: Network, sender: Sender, code: str, now: datetime) -> Member | None:
    """Let an account speak as the member whose code it typed; None for a code that is not valid."""
    rows = LinkCode.objects.select_for_update().filter(
        digest=digest(code),
        used_at=None,
        expires_at__gt=now,
        member__project_id=network.project_id,
        member__retired_at=None,
    )
    found = rows.select_related("member").first()
    if found is None:
        return None
    LinkCode.objects.filter(pk=found.pk).update(used_at=now)
    ChatAccount.objects.update_or_create(
        network=network,
        external_id=sender.id[:250],
        defaults={"member": found.member, "is_linked": True, "name": clip(sender.name, 120)},
        create_defaults={
            "member": found.member,
            "is_linked": True,
            "name": clip(sender.name, 120),
            "created_at": now,
        },
    )
    return found.member


def digest(code: str) -> str:
    """Name a code as it is stored, whatever its case."""
    return hashlib.sha256(code.upper().encode()).hexdigest()
