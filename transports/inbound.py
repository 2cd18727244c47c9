"""What networks tell: stored once with the network's cursor, then taken into the project.

Text decides nothing here: whoever speaks is the member that their account is linked to, or a guest.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from hub import clock, identify, registry
from hub.actions import messages
from hub.actor import Actor
from hub.errors import HubError, Invalid
from hub.markdown import RichText
from hub.models import Message, Reaction
from hub.models.projects import project_lock
from hub.text import clip, presentable

from . import people
from .base import InEvent, Sender
from .models import Binding, Gap, Incoming, IncomingState, Network, Piece
from .outbound import LostError

CAME = "incoming"  # topic of the ring for what another process has stored
KEPT = timedelta(days=7)
LINK = re.compile(r"\s*!link\s+(\S{4,40})\s*")
MAX_BYTES = 60_000


def store(network: int, epoch: int, events: Sequence[InEvent], cursor: str | None) -> None:
    """Write events and how far the network was read, in one transaction; known ones stay.

    Raises LostError once the network has another owner.
    """
    now = clock.now()
    with transaction.atomic():
        row = Network.objects.select_for_update().filter(pk=network, epoch=epoch).first()
        if row is None:
            raise LostError
        made = [_incoming(row, event, now) for event in events]
        Incoming.objects.bulk_create(made, ignore_conflicts=True)
        changes: dict[str, Any] = {"heard_at": now}
        if cursor is not None:
            changes["cursor"] = cursor
        Network.objects.filter(pk=network).update(**changes)


def _incoming(network: Network, event: InEvent, now: datetime) -> Incoming:
    told = asdict(event)
    told["at"] = event.at.isoformat()
    told["text"] = presentable(event.text)
    told.pop("raw")
    return Incoming(
        network=network,
        kind=event.kind,
        room=event.room[:250],
        remote_id=event.remote_id[:250],
        event=told,
        arrived_at=now,
    )


def note_gap(network: int, room: str, why: str) -> None:
    """Keep that something of a room may be missing."""
    Gap.objects.create(network_id=network, room=room[:250], why=clip(why, 300), at=clock.now())


def forget_old() -> int:
    """Remove what was taken in more than seven days ago; tell how many."""
    rows = Incoming.objects.filter(arrived_at__lt=clock.now() - KEPT)
    return rows.exclude(state=IncomingState.NEW).delete()[0]


def take_all(network: int) -> int:
    """Take in what is stored and not looked at yet, in the order in which it came."""
    count = 0
    for row in Incoming.objects.filter(network=network, state=IncomingState.NEW).order_by("pk"):
        _take(row)
        count += 1
    return count


def _take(row: Incoming) -> None:
    event = _event(row.event)
    try:
        state, why, message = _Taking(row.network_id, event).take()
    except HubError as error:
        state, why, message = IncomingState.FAILED, f"{error.message} ({error.code})", None
    changes = {"state": state, "why": clip(why, 300), "message": message}
    Incoming.objects.filter(pk=row.pk, state=IncomingState.NEW).update(**changes)


def _event(told: dict[str, Any]) -> InEvent:
    at = datetime.fromisoformat(told["at"])
    return InEvent(**{**told, "sender": Sender(**told["sender"]), "at": at})


Outcome = tuple[IncomingState, str, Message | None]


class _Taking:
    """One event on its way in."""

    def __init__(self, network: int, event: InEvent) -> None:
        self.network = Network.objects.select_related("project").get(pk=network)
        self.event = event

    def take(self) -> Outcome:
        """Take it in, and tell what became of it."""
        event = self.event
        if (
            event.op_id
            or Piece.objects.filter(network=self.network, remote_id=event.remote_id).exists()
        ):
            return IncomingState.ECHO, "", None
        rows = Binding.objects.filter(network=self.network, room=event.room)
        binding = rows.select_related("channel").first()
        if binding is None:
            return IncomingState.IGNORED, "no channel is bound to this room", None
        if event.kind == "post" and (code := LINK.fullmatch(event.text)):
            return self._link(binding, code[1])
        with project_lock(self.network.project_id) as lock:
            actor, is_linked = people.actor_of(self.network, event.sender, lock.now)
            if not (is_linked or binding.takes_guests):
                return IncomingState.IGNORED, "guests may not talk here", None
            if not actor.may("talk"):
                return IncomingState.IGNORED, "this account may not talk", None
            return self._do(actor.at(lock.now), binding, obey=is_linked)

    def _do(self, actor: Actor, binding: Binding, *, obey: bool) -> Outcome:
        event = self.event
        if event.kind == "post":
            return self._post(actor, binding, obey=obey)
        target = _message(self.network, event.target)
        if target is None and event.kind == "delete":
            return self._take_back(actor)
        if target is None:
            return IncomingState.IGNORED, "what it is about is not known", None
        match event.kind:
            case "edit":
                payload = {"message": target.seq, "text": event.text}
                registry.call(actor, "message.edit", payload)
            case "delete":
                registry.call(actor, "message.delete", {"message": target.seq})
            case _:
                self._react(actor, target, event.emoji, wanted=event.kind == "react")
        return IncomingState.TAKEN, "", target

    def _take_back(self, actor: Actor) -> Outcome:
        """Take a reaction back where a network deletes it like a message, by its own id."""
        rows = Incoming.objects.filter(network=self.network, kind="react")
        given = rows.filter(remote_id=self.event.target).first()
        reaction = _event(given.event) if given else None
        target = _message(self.network, reaction.target) if reaction else None
        if reaction is None or target is None or reaction.sender.id != self.event.sender.id:
            return IncomingState.IGNORED, "what it is about is not known", None
        self._react(actor, target, reaction.emoji, wanted=False)
        return IncomingState.TAKEN, "", target

    def _post(self, actor: Actor, binding: Binding, *, obey: bool) -> Outcome:
        event = self.event
        answered = _message(self.network, event.reply_to)
        message = messages.take_in(
            actor,
            binding.channel,
            _rich(event.text),
            reply_to=answered,
            external_id=event.remote_id[:200],
            obey=obey,
        )
        Piece.objects.get_or_create(
            network=self.network,
            remote_id=event.remote_id[:250],
            defaults={"message": message, "at": actor.now},
        )
        return IncomingState.TAKEN, "", message

    def _react(self, actor: Actor, target: Message, emoji: str, *, wanted: bool) -> None:
        """Bring a reaction to what the network says, also when it is told twice."""
        mine = Reaction.objects.filter(message=target, member_id=actor.member_id, emoji=emoji)
        if mine.exists() != wanted:
            registry.call(actor, "message.react", {"message": target.seq, "emoji": emoji})

    def _link(self, binding: Binding, code: str) -> Outcome:
        """Link an account by a code that its member was given; the chat does not show it."""
        with project_lock(self.network.project_id) as lock:
            member = people.link(self.network, self.event.sender, code, lock.now)
            words = (
                f"{self.event.sender.name} speaks as {member.name} here from now on."
                if member
                else "This code is unknown or over; make a new one in the web chat (ctrl-k, link)."
            )
            hub = replace(identify.of_hub(self.network.project_id, "hub"), clock=lock.now)
            messages.take_in(hub, binding.channel, RichText.of(words), obey=False)
        return IncomingState.TAKEN, "a code was typed", None


def _rich(text: str) -> RichText:
    """Convert what was said; what is too long is cut, what no converter bears is shown as it is."""
    if len(text.encode()) > MAX_BYTES:
        text = text.encode()[:MAX_BYTES].decode(errors="ignore") + "…"
    try:
        return RichText.of(text)
    except Invalid as error:
        if error.code == "message.empty":
            raise
        plain = text.replace("`", "'")
        return RichText.of(f"```\n{plain}\n```")


def _message(network: Network, remote_id: str) -> Message | None:
    if not remote_id:
        return None
    rows = Piece.objects.filter(network=network, remote_id=remote_id)
    found = rows.select_related("message").first()
    return found.message if found else None
