"""Lanes in the database: the log becomes deliveries, and each answer of a network is written down.

Plain functions that run in threads, each one transaction, each refused once the network has
another owner.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from hub import clock, identify
from hub.actions import troubles
from hub.models import Event, MemberKind, Message
from hub.models.projects import project_lock
from hub.text import clip

from .base import Kind, OutOp, Part, Quoted, Speaker
from .models import DELIVERY_STATES, Binding, Delivery, DeliveryState, Piece

KINDS: dict[str, Kind] = {
    "message.posted": "post",
    "message.edited": "edit",
    "message.deleted": "delete",
    "message.reacted": "react",
}
MAX_EVENTS = 200
LATE_AFTER_S = 120
MAX_ATTEMPTS = 8
MAX_TRYING_S = 15 * 60
QUOTED_CHARS = 200


class LostError(Exception):
    """The network has another owner now, or the binding is gone."""


@dataclass(slots=True)
class Job:
    """The head of a lane: `sent` are the parts that are over, `wait_s` is the pause before it."""

    pk: int
    binding: int
    epoch: int
    op: OutOp
    sending: int | None
    sent: dict[int, str] = field(default_factory=dict)
    wait_s: float = 0.0


@contextmanager
def _owned(binding: int, epoch: int) -> Iterator[Binding]:
    with transaction.atomic():
        rows = Binding.objects.select_for_update(of=("self",)).select_related("network", "channel")
        row = rows.filter(pk=binding, network__epoch=epoch).first()
        if row is None:
            raise LostError
        yield row


@contextmanager
def _head(job: Job) -> Iterator[Delivery]:
    with _owned(job.binding, job.epoch):
        yield Delivery.objects.get(pk=job.pk)


def read_on(binding: int, epoch: int) -> int:
    """Make deliveries of what the log says after the binding's cursor; tell how many events.

    What came from this network, and what is not about a message, makes none.
    """
    with _owned(binding, epoch) as row:
        events = list(
            Event.objects.filter(project_id=row.network.project_id, seq__gt=row.cursor)
            .select_related("actor")
            .order_by("seq")[:MAX_EVENTS]
        )
        about = [event for event in events if _is_for(event, row)]
        numbers = {event.facts.get("message", event.seq) for event in about}
        found = Message.objects.filter(project_id=row.network.project_id, seq__in=numbers)
        messages = {message.seq: message for message in found}
        made = [
            _delivery(row, event, message)
            for event in about
            if (message := messages.get(event.facts.get("message", event.seq)))
            and not _is_own(event, message, row.network.name)
        ]
        Delivery.objects.bulk_create(made)
        if events:
            Binding.objects.filter(pk=row.pk).update(cursor=events[-1].seq)
    return len(events)


def _is_for(event: Event, row: Binding) -> bool:
    return event.name in KINDS and event.channel_id == row.channel_id


def _is_own(event: Event, message: Message, network: str) -> bool:
    if event.name == "message.posted":
        return message.origin == network or message.deleted_at is not None
    return bool(event.facts.get("origin") == network)


def _delivery(row: Binding, event: Event, message: Message) -> Delivery:
    kind = "unreact" if event.facts.get("taken_back") else KINDS[event.name]
    return Delivery(
        binding=row,
        seq=event.seq,
        kind=kind,
        message=message,
        speaker=event.actor,
        text=message.text,
        emoji=event.facts.get("emoji", ""),
        said_at=event.at,
    )


def head(binding: int, epoch: int) -> Job | None:
    """Give what the lane has to send next; None when there is nothing."""
    with _owned(binding, epoch) as row:
        rows = Delivery.objects.filter(binding=row, state__in=["waiting", "sending"])
        related = ("speaker", "message__project", "message__reply_to__author", "message__author")
        found = rows.select_related(*related).order_by("seq").first()
        if found is None:
            return None
        now = clock.now()
        if found.tried_at is None:
            late_s = (now - found.said_at).total_seconds()
            found.late_s = late_s if late_s > LATE_AFTER_S else 0.0
            found.tried_at = now
            found.save(update_fields=["late_s", "tried_at"])
        pieces = Piece.objects.filter(delivery=found).values_list("number", "remote_id")
        return Job(
            pk=found.pk,
            binding=row.pk,
            epoch=epoch,
            op=_op(found, row),
            sending=found.sending,
            sent=dict(pieces),
            wait_s=_wait_s(now, found.due_at, row.held_until),
        )


def _wait_s(now: datetime, *moments: datetime | None) -> float:
    return max([0.0, *((one - now).total_seconds() for one in moments if one)])


def _op(found: Delivery, row: Binding) -> OutOp:
    message = found.message
    place = reverse("message", kwargs={"slug": message.project.slug, "number": message.seq})
    answered = message.reply_to if found.kind == "post" else None
    return OutOp(
        id=found.op,
        kind=cast("Kind", found.kind),
        room=row.room,
        speaker=Speaker(name=found.speaker.name, is_bot=found.speaker.kind != MemberKind.PERSON),
        text=found.text,
        url=settings.PARLEY_PUBLIC_URL.rstrip("/") + place,
        said_at=found.said_at,
        reply_to=_quoted(answered, row) if answered else None,
        target=_quoted(message, row) if found.kind != "post" else None,
        emoji=found.emoji,
        late_s=found.late_s,
    )


def _quoted(message: Message, row: Binding) -> Quoted:
    pieces = Piece.objects.filter(network=row.network_id, message=message).exclude(remote_id="")
    posts = pieces.exclude(delivery__kind__in=["edit", "delete", "react", "unreact"])
    return Quoted(
        remote_ids=tuple(posts.order_by("number").values_list("remote_id", flat=True)),
        author=message.author.name,
        text=clip(" ".join(message.text.split()), QUOTED_CHARS),
    )


# -- What became of it ----------------------------------------------------------------------------
def begin(job: Job, part: Part) -> None:
    """Write, before a part is given to the network, that it may have it from now on."""
    with _head(job) as row:
        changes = {"sending": part.number, "attempts": row.attempts + 1, "error": ""}
        if row.state == DeliveryState.WAITING:
            DELIVERY_STATES.move(row, DeliveryState.SENDING, **changes)
        else:
            Delivery.objects.filter(pk=row.pk).update(**changes)
    job.sending = part.number


def landed(job: Job, part: Part, remote_id: str) -> None:
    """Write that the network has a part, and under which id."""
    with _head(job) as row:
        Piece.objects.get_or_create(
            delivery=row,
            number=part.number,
            defaults={
                "network_id": row.binding.network_id,
                "message_id": row.message_id,
                "remote_id": _fresh(row.binding.network_id, remote_id),
                "digest": part.digest,
                "at": clock.now(),
            },
        )
        Delivery.objects.filter(pk=row.pk).update(sending=None, attempts=0)
    job.sending = None
    job.sent[part.number] = remote_id


def _fresh(network: int, remote_id: str) -> str:
    """Keep an id that came back as our own echo, under which the message is known already."""
    is_known = Piece.objects.filter(network=network, remote_id=remote_id).exists()
    return "" if remote_id and is_known else remote_id


def finished(job: Job) -> None:
    """Write that nothing of it is left to send."""
    with _head(job) as row:
        DELIVERY_STATES.move(row, DeliveryState.SENT, sending=None, ended_at=clock.now())


def later(job: Job, after_s: float, why: str) -> None:
    """Let the lane try its head again after a pause, or give it up past its budget."""
    with _head(job) as row:
        now = clock.now()
        trying_s = (now - (row.tried_at or now)).total_seconds()
        if row.attempts < MAX_ATTEMPTS and trying_s < MAX_TRYING_S:
            changes = {"sending": None, "error": clip(why, 300)}
            due = now + timedelta(seconds=after_s)
            DELIVERY_STATES.move(row, DeliveryState.WAITING, due_at=due, **changes)
            return
    give_up(job, f"tried {row.attempts} times: {why}")


def unconfirmed(job: Job, why: str) -> None:
    """Let the lane go on past a delivery of which nobody can tell whether it arrived."""
    with _head(job) as row:
        changes = {"error": clip(why, 300), "ended_at": clock.now()}
        DELIVERY_STATES.move(row, DeliveryState.UNCONFIRMED, **changes)


def give_up(job: Job, why: str) -> None:
    """Let the lane go on without a delivery; the people are told in the errors channel first."""
    with _head(job) as row:
        binding = row.binding
        project, channel = binding.network.project_id, binding.channel
        words = f"{binding.network.name} did not take a message of #{channel.name}: {why}"
    with project_lock(project) as lock:
        hub = identify.of_hub(project).at(lock.now)
        subject = f"channel:{channel.number}"
        troubles.take_up(hub, troubles.Report(text=words, severity="error", subject=subject))
    with _head(job) as row:
        changes = {"sending": None, "error": clip(why, 300), "ended_at": clock.now()}
        DELIVERY_STATES.move(row, DeliveryState.DEAD, **changes)


def hold(job: Job, after_s: float, why: str) -> None:
    """Let the whole lane wait, such as while its room is closed to us; its head stays."""
    with _head(job) as row:
        until = clock.now() + timedelta(seconds=after_s)
        Binding.objects.filter(pk=job.binding).update(held_until=until, held_why=clip(why, 300))
        changes = {"sending": None, "attempts": 0, "error": clip(why, 300)}
        DELIVERY_STATES.move(row, DeliveryState.WAITING, tried_at=clock.now(), **changes)
