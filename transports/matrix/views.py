"""The address that homeservers push to; whatever came is stored before it is answered."""

from collections.abc import Sequence

from asgiref.sync import sync_to_async
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from hub import fanout
from transports import inbound, owning
from transports.base import Account, InEvent, State
from transports.models import Network

from . import push

GONE = {"errcode": "M_NOT_FOUND", "error": "There is no such network."}
PAUSED = {"errcode": "M_UNAVAILABLE", "error": "The network is paused; try again later."}


class Stored:
    """The sink of a push: the owner of the network is another process, which is rung for."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def take(self, events: Sequence[InEvent], cursor: str | None) -> None:
        """Store events and ring."""
        row = self._network
        await sync_to_async(inbound.store)(row.pk, row.epoch, events, cursor)
        await sync_to_async(fanout.wake)(row.project_id, 0, inbound.CAME)

    async def gap(self, room: str, why: str) -> None:
        """Note a gap."""
        await sync_to_async(inbound.note_gap)(self._network.pk, room, why)

    async def state(self, state: State, why: str = "") -> None:
        """Leave the state to the owner."""


@csrf_exempt
async def pushed(request: HttpRequest, network: int, rest: str) -> JsonResponse:
    """Answer a homeserver's call about one network."""
    found = await sync_to_async(_found)(network)
    if found is None:
        return JsonResponse(GONE, status=404)
    row, account = found
    if row.paused_at is not None:
        return JsonResponse(PAUSED, status=503)
    asked = push.Request(
        method=request.method or "",
        path=rest,
        authorization=request.headers.get("Authorization", ""),
        body=request.read(push.MAX_BODY_BYTES + 1),
    )
    reply = await push.answer(asked, account, Stored(row))
    return JsonResponse(dict(reply.body), status=reply.status)


def _found(network: int) -> tuple[Network, Account] | None:
    row = Network.objects.filter(pk=network, kind="matrix").first()
    return (row, owning.account_of(network)[1]) if row else None
