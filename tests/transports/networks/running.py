"""Networks at work: the part of `manage.py runtransports` that owns them, in a thread."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hub.actor import Actor
from tests.cast import act
from transports import loopback
from transports.base import InEvent, Sender
from transports.loopback import Net, Said
from transports.models import Delivery
from transports.runner import Networks

PATIENCE_S = 15
BOB = Sender(id="bob@over.there", name="Bob")


class Office:
    """One process's networks. Several may run at the same time, as on two machines."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.networks: Networks | None = None

    def start(self) -> "Office":
        self._thread.start()
        assert self._is_up.wait(PATIENCE_S)
        return self

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._begin())
        self.loop.run_forever()
        self.loop.close()

    async def _begin(self) -> None:
        self.networks = Networks()
        self._task = asyncio.create_task(self.networks.run())
        self._is_up.set()

    def stop(self) -> None:
        """End it as SIGTERM does."""
        self._end(self._stop)

    def crash(self) -> None:
        """End it as SIGKILL does: nothing is written and nothing is let go."""
        self._end(self._crash)

    def _end(self, how: Any) -> None:
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(how(), self.loop).result(PATIENCE_S)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(PATIENCE_S)
            assert self.networks
            self.networks.desk._pool.shutdown(wait=True)  # a transaction would outlive the test
        assert not self._thread.is_alive()

    async def _stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        assert self.networks
        await self.networks.stop()

    async def _crash(self) -> None:
        assert self.networks
        self.networks._ended.set()
        self._task.cancel()
        for owned in self.networks.owned.values():
            await owned.stop()
        self.networks.desk.close()


def wait_for(fact: Callable[[], object], what: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < deadline, f"it did not happen: {what()}"
        time.sleep(0.03)


def connect(owner: Actor, name: str, *, room: str = "moon", channel: str = "project") -> Net:
    """Add a loopback network and bind a channel; gives the other side."""
    act(owner, "network.add", name=name, kind="loopback")
    act(owner, "channel.bind", channel=channel, network=name, room=room)
    return loopback.net(name)


def arrived(net: Net, room: str = "moon") -> list[Said]:
    """List what was sent into a room, without what people over there said."""
    return [said for said in net.said if said.room == room and said.op]


def texts(net: Net, room: str = "moon") -> list[str]:
    return [said.text for said in arrived(net, room)]


def told(net: Net, text: str = "", sender: Sender = BOB, **more: Any) -> str:
    """Let somebody over there say or do something."""
    facts = {"kind": "post", "room": "moon", "remote_id": net.next_id(), **more}
    return net.tell(InEvent(sender=sender, at=datetime.now(UTC), text=text, **facts))


def say(who: Actor, text: str, **more: object) -> int:
    number: int = act(who, "message.post", channel="project", text=text, **more)["number"]
    return number


def states() -> list[str]:
    return list(Delivery.objects.order_by("seq").values_list("state", flat=True))
