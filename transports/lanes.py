"""A lane at work: one room's deliveries in their order, one part in flight."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from django.db import Error

from . import outbound
from .base import Landed, Missing, Part, Rejected, Result, Retry, Sent, Transport, Unknown
from .outbound import Job
from .pacing import Pace

HELD_S = 60.0
UNKNOWN_PAUSE_S, MAX_ROUNDS = 1.0, 8
ERROR_PAUSE_S = 2.0

logger = logging.getLogger(__name__)


class Ask(Protocol):
    """How a lane reaches the database: a plain function and its arguments, run in a thread."""

    async def __call__(self, question: Callable[..., Any], *args: Any) -> Any: ...


class Lane:
    """One binding's sender; its network's owner runs it."""

    def __init__(
        self, binding: int, epoch: int, transport: Transport, ask: Ask, *, poll_s: float
    ) -> None:
        self.rung = asyncio.Event()
        self._binding, self._epoch = binding, epoch
        self._transport, self._ask = transport, ask
        self._poll_s = poll_s
        self._pace = Pace(transport)

    async def run(self) -> None:
        """Send what there is, for ever. Raises LostError once somebody else is the owner."""
        while True:
            self.rung.clear()
            try:
                busy = await self._once()
            except Error as error:
                logger.warning("a lane tries again later: %s", error)
                await asyncio.sleep(ERROR_PAUSE_S)
                continue
            if not busy:
                await _wait(self.rung, self._poll_s)

    async def _once(self) -> bool:
        """Read the log on and send the head; False when there is nothing to do."""
        read = await self._ask(outbound.read_on, self._binding, self._epoch)
        await self._transport.ready()  # what an outage takes counts as nobody's try
        job: Job | None = await self._ask(outbound.head, self._binding, self._epoch)
        if job is None:
            return bool(read >= outbound.MAX_EVENTS)
        if job.wait_s > 0:
            await _wait(self.rung, min(job.wait_s, self._poll_s))
            return True
        await self._send(job)
        return True

    async def _send(self, job: Job) -> None:
        for part in self._transport.render(job.op):
            if part.number in job.sent:
                continue
            if not await self._deliver(job, part):
                return
        await self._ask(outbound.finished, job)

    async def _deliver(self, job: Job, part: Part) -> bool:
        """Bring one part over; False when the lane has to leave its head."""
        result: Result = Unknown("a process ended while it was being sent")
        if job.sending != part.number:
            result = await self._give(job, part)
        rounds = 0
        while isinstance(result, Unknown):
            rounds += 1
            await asyncio.sleep(min(UNKNOWN_PAUSE_S * (rounds - 1), HELD_S))
            await self._transport.ready()
            found = await self._transport.probe(job.op, part)
            if isinstance(found, Landed):
                result = Sent(found.remote_id)
            elif found is Missing.ABSENT and rounds < MAX_ROUNDS:
                result = await self._give(job, part)
            else:
                await self._ask(outbound.unconfirmed, job, result.why)
                return False
        return await self._settle(job, part, result)

    async def _give(self, job: Job, part: Part) -> Result:
        await self._pace.turn(job.op.speaker.name)
        await self._ask(outbound.begin, job, part)
        try:
            return await self._transport.send(job.op, part)
        except (OSError, TimeoutError) as error:
            return Unknown(type(error).__name__)

    async def _settle(self, job: Job, part: Part, result: Result) -> bool:
        match result:
            case Sent(remote_id):
                await self._ask(outbound.landed, job, part, remote_id)
                return True
            case Retry(after_s, why):
                await self._ask(outbound.later, job, after_s, why)
            case Rejected(code, detail, "op"):
                await self._ask(outbound.give_up, job, f"{detail} ({code})")
            case Rejected(code, detail):
                await self._ask(outbound.hold, job, HELD_S, f"{detail} ({code})")
        return False


async def _wait(rung: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(rung.wait(), seconds)
    except TimeoutError:
        return
