"""What stops reading for a while, as an exception."""

from collections.abc import Mapping
from typing import Any

from transports.base import State

from .client import Bot, Reply


class TroubleError(Exception):
    """Why nothing can be read now; `wait_s` is what the server asks for at least."""

    def __init__(self, state: State, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.state: State = state
        self.why = why
        self.wait_s = wait_s


def trouble_of(reply: Reply) -> TroubleError:
    """Read a reply that is no success."""
    if reply.is_refused_key:
        return TroubleError("refused", reply.code or f"HTTP {reply.status}")
    if reply.is_limited:
        return TroubleError("waiting", "asked too often", reply.retry_after_s)
    return TroubleError("waiting", reply.code or reply.why or f"HTTP {reply.status}")


async def ask(bot: Bot, method: str, url: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask for something; raises TroubleError when it is not given."""
    reply = await bot.call(method, url, request)
    if not reply.ok:
        raise trouble_of(reply)
    return reply.body
