"""The page of a project's networks: how each is, what waits, and its rooms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub import clock
from hub.models import Channel, ChannelKind
from hub.parts.pages import Visit, in_project

from .kinds import FORMS
from .models import Binding, ChatAccount, Delivery, DeliveryState, Network

STUCK_SHOWN = 20
OPEN = Q(bindings__deliveries__state__in=[DeliveryState.WAITING, DeliveryState.SENDING])


@dataclass(frozen=True, slots=True)
class Shown:
    """One network on the page."""

    row: Network
    bindings: list[Binding]
    stuck: list[Delivery]

    @property
    def tone(self) -> str:
        """Tell how it looks: good, waiting or bad."""
        if self.row.paused_at or self.row.state in {"connecting", "waiting", "stopped"}:
            return "waiting"
        return "good" if self.row.state == "connected" else "bad"


@require_safe
@in_project
def networks(visit: Visit) -> HttpResponse:
    """Show the networks, the way to join by IRC, and one's own accounts."""
    rows = _networks(visit)
    bindings = _by_network(Binding.objects.filter(network__in=rows).select_related("channel"))
    stuck = Delivery.objects.filter(binding__network__in=rows, state__in=["unconfirmed", "dead"])
    stuck = stuck.select_related("binding__channel", "binding__network", "speaker")
    troubled = _by_network(stuck.order_by("-pk")[:STUCK_SHOWN])
    channels = Channel.objects.filter(project=visit.project, archived_at=None)
    context = {
        "networks": [
            Shown(row, bindings.get(row.pk, []), troubled.get(row.pk, [])) for row in rows
        ],
        "channels": list(channels.exclude(kind=ChannelKind.DIRECT).order_by("number")),
        "accounts": list(
            ChatAccount.objects.filter(member_id=visit.actor.member_id, is_linked=True)
            .select_related("network")
            .order_by("pk")
        ),
        "forms": FORMS,
        "irc": "" if settings.IRC_LISTEN == "off" else settings.IRC_LISTEN,
        "now": clock.now(),
    }
    return visit.render("transports/networks.html", context, page="networks", topics=["log"])


def _networks(visit: Visit) -> list[Any]:
    rows: QuerySet[Network] = Network.objects.filter(project=visit.project)
    rows = rows.annotate(
        queue=Count("bindings__deliveries", filter=OPEN),
        oldest=Min("bindings__deliveries__said_at", filter=OPEN),
    )
    return list(rows.order_by("name"))


def _by_network(rows: QuerySet[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for key, row in _keyed(rows):
        found.setdefault(key, []).append(row)
    return found


def _keyed(rows: QuerySet[Any]) -> Iterator[tuple[int, Any]]:
    for row in rows:
        yield row.network_id if isinstance(row, Binding) else row.binding.network_id, row
