"""Networks of a project, the rooms they are bound to, deliveries sent again, accounts linked."""

import secrets
from datetime import timedelta
from typing import Annotated, Any

from django.db.models import QuerySet
from pydantic import Field

from hub import access
from hub.actions import events
from hub.actor import Actor
from hub.errors import Conflict, Invalid, NotFound
from hub.models import ChannelKind
from hub.models.projects import held
from hub.registry import action
from hub.schemas import ChannelRef, Done
from transports import vault
from transports.base import KINDS
from transports.models import (
    DELIVERY_STATES,
    Binding,
    Delivery,
    DeliveryState,
    LinkCode,
    Network,
)
from transports.people import digest
from transports.schemas import BindingOut, LinkCodeOut, NetworkOut

# Names that say where a message came from already; a network needs another one.
RESERVED = frozenset({"api", "chat", "cli", "hub", "irc", "job", "mcp", "page", "session", "web"})
MAX_NETWORKS = 20
CODE_CHARS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 10
CODE_LIFE = timedelta(minutes=10)
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,19}$", description="a network's name")]
Room = Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[^\x00-\x1f\x7f]+$")]
Values = Annotated[dict[str, str], Field(max_length=40)]
NO_VALUES: dict[str, str] = {}


@action("network.add", needs="manage", returns=NetworkOut)
def add(
    actor: Actor,
    name: Name,
    kind: Annotated[str, Field(max_length=20)],
    *,
    config: Values = NO_VALUES,
    secret: Values = NO_VALUES,
) -> Network:
    """Connect the project with an account on a chat server.

    `secret` values (passwords, tokens, keys) are encrypted and never shown again. Raises Invalid
    for an unknown kind or a name that is reserved, Conflict for one that is taken.
    """
    if kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise Invalid(f"There is no kind {kind} of networks, but {known}.", code="network.kind")
    if name in RESERVED:
        raise Invalid(f"The name {name} is reserved; choose another.", code="network.reserved")
    rows = Network.objects.filter(project_id=actor.project_id)
    if rows.filter(name=name).exists():
        raise Conflict(f"There is a network {name} already.", code="network.taken")
    if rows.count() >= MAX_NETWORKS:
        raise Conflict(f"A project has {MAX_NETWORKS} networks at most.", code="network.too_many")
    row = Network.objects.create(
        project_id=actor.project_id,
        name=name,
        kind=kind,
        config=config,
        secrets=vault.seal(secret),
        state_since=actor.now,
        created_at=actor.now,
    )
    _tell(actor, "network.added", row, kind=kind)
    return row


@action("network.change", needs="manage", returns=NetworkOut)
def change(
    actor: Actor, network: Name, *, config: Values | None = None, secret: Values | None = None
) -> Network:
    """Give a network other settings or secrets; it connects anew."""
    row = _network(actor, network)
    changes: dict[str, object] = {}
    if config is not None:
        changes["config"] = config
    if secret is not None:
        changes["secrets"] = vault.seal(secret)
    # Another epoch ends what runs with the old settings; its owner takes it again at once.
    Network.objects.filter(pk=row.pk).update(
        **changes, epoch=row.epoch + 1, owner="", lease_until=None
    )
    _tell(actor, "network.changed", row)
    row.refresh_from_db()
    return row


@action("network.pause", needs="manage", returns=NetworkOut)
def pause(actor: Actor, network: Name) -> Network:
    """Disconnect a network; what is said meanwhile is sent when it goes on."""
    row = _network(actor, network)
    if row.paused_at is not None:
        raise Conflict(f"{network} is paused already.", code="network.paused")
    Network.objects.filter(pk=row.pk).update(paused_at=actor.now)
    _tell(actor, "network.paused", row)
    row.refresh_from_db()
    return row


@action("network.resume", needs="manage", returns=NetworkOut)
def resume(actor: Actor, network: Name) -> Network:
    """Connect a paused network again."""
    row = _network(actor, network)
    if row.paused_at is None:
        raise Conflict(f"{network} is not paused.", code="network.running")
    Network.objects.filter(pk=row.pk).update(paused_at=None)
    _tell(actor, "network.resumed", row)
    row.refresh_from_db()
    return row


@action("network.remove", needs="manage", returns=Done)
def remove(actor: Actor, network: Name) -> Done:
    """Give up a network with its bindings; what was said stays in Parley and over there."""
    row = _network(actor, network)
    _tell(actor, "network.removed", row)
    _lock(Binding.objects.filter(network=row))
    row.delete()
    return Done()


@action("network.list", needs="read", returns=list[NetworkOut], writes=False)
def listing(actor: Actor) -> list[Network]:
    """List the project's networks and how they are."""
    return list(Network.objects.filter(project_id=actor.project_id).order_by("name"))


@action("channel.bind", needs="manage", returns=BindingOut)
def bind(
    actor: Actor, channel: ChannelRef, network: Name, room: Room, *, guests: bool = True
) -> Binding:
    """Mirror a channel in a room of a network, from now on.

    `room` is written as the network does: an IRC channel, a Matrix room id, `stream/topic`. With
    `guests` people whose account is not linked may talk; they command nothing.
    """
    row = access.get_channel(actor, channel)
    where = _network(actor, network)
    if row.kind == ChannelKind.DIRECT or row.archived_at is not None:
        raise Conflict(f"{row.name} cannot be bound.", code="channel.unbindable")
    rows = Binding.objects.filter(network=where)
    if rows.filter(channel=row).exists():
        raise Conflict(f"{row.name} is bound to {network} already.", code="binding.channel_taken")
    if rows.filter(room=room).exists():
        raise Conflict(f"{room} is bound to another channel.", code="binding.room_taken")
    made = Binding.objects.create(
        network=where,
        channel=row,
        room=room,
        takes_guests=guests,
        cursor=held(actor.project_id).seq,
        created_at=actor.now,
    )
    facts = {"network": network, "room": room}
    events.record(actor, "channel.bound", f"channel:{row.number}", channel=row, **facts)
    return made


@action("channel.unbind", needs="manage", returns=Done)
def unbind(actor: Actor, channel: ChannelRef, network: Name) -> Done:
    """Mirror a channel in a network no more; what is not sent yet is dropped."""
    row = access.get_channel(actor, channel)
    where = _network(actor, network)
    found = next(iter(_lock(Binding.objects.filter(network=where, channel=row))), None)
    if found is None:
        raise NotFound(f"{row.name} is not bound to {network}.", code="binding.unknown")
    facts = {"network": network, "room": found.room}
    found.delete()
    events.record(actor, "channel.unbound", f"channel:{row.number}", channel=row, **facts)
    return Done()


@action("delivery.resend", needs="manage", returns=Done)
def resend(actor: Actor, delivery: Annotated[int, Field(gt=0)]) -> Done:
    """Send again what a network did not take, or perhaps did not; it keeps its id."""
    rows = Delivery.objects.filter(pk=delivery, binding__network__project_id=actor.project_id)
    row = rows.first()
    if row is None:
        raise NotFound("There is no such delivery.", code="delivery.unknown")
    fresh = {"attempts": 0, "sending": None, "tried_at": None, "due_at": None, "ended_at": None}
    DELIVERY_STATES.move(row, DeliveryState.WAITING, error="", **fresh)
    return Done()


@action("account.link", needs="talk", returns=LinkCodeOut)
def link(actor: Actor) -> LinkCodeOut:
    """Make a code: typed from your account on a network, `!link CODE`, it makes that account yours.

    What the account says is said by you then, with your rights. The code works once, for ten
    minutes.
    """
    code = "".join(secrets.choice(CODE_CHARS) for _ in range(CODE_LENGTH))
    until = actor.now + CODE_LIFE
    LinkCode.objects.create(member_id=actor.member_id, digest=digest(code), expires_at=until)
    return LinkCodeOut(code=code, expires_at=until)


def _lock(rows: QuerySet[Binding]) -> list[Binding]:
    """Take bindings as lanes do, before their deliveries: the other way round was a deadlock."""
    return list(rows.select_for_update().order_by("pk"))


def _network(actor: Actor, name: str) -> Network:
    row = Network.objects.filter(project_id=actor.project_id, name=name).first()
    if row is None:
        raise NotFound(f"There is no network {name} here.", code="network.unknown")
    return row


def _tell(actor: Actor, event: str, row: Network, **facts: Any) -> None:
    events.record(actor, event, f"network:{row.pk}", network=row.name, **facts)
